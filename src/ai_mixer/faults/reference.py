"""What the detectors know of finished music: its normality, directions of faults, thresholds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ai_mixer.metrics.normality import Normality
from ai_mixer.metrics.sound_profile import profile_names

RATE_HZ = 44_100  # of the profiles: songs of all rates are comparable
FILE = Path(__file__).parent / "finished_music.json"


@dataclass(frozen=True)
class Reference:
    """Statistics of finished songs.

    directions: fault → change of the profile per unit of its severity, [F]. resonances: mean and
    standard deviation of `fine_spectrum.resonances_db`, [2, n]. thresholds: fault → score that few
    finished songs exceed. songs: how many were measured.
    """

    normality: Normality
    directions: Mapping[str, Tensor]
    resonances: Tensor
    thresholds: Mapping[str, float]
    songs: int

    def amount(self, fault: str, profile: Tensor, without: tuple[str, ...] = ()) -> float:
        """Estimated severity of a fault that changes the profile [F].

        without: first words of the names of values that are not used.
        """
        part = _part(without)
        return float(self.normality.amount(profile, self.directions[fault], part))

    def to_json(self) -> str:
        """Rounded to a hundredth of a dB."""
        data = {
            "songs": self.songs,
            "thresholds": {name: round(value, 3) for name, value in self.thresholds.items()},
            "resonances": [_rounded(row) for row in self.resonances],
            "mean": _rounded(self.normality.mean),
            "std": _rounded(self.normality.std),
            "directions": {name: _rounded(row, 4) for name, row in self.directions.items()},
            "covariance": [_rounded(row) for row in self.normality.covariance],
        }
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


@lru_cache(maxsize=1)
def packaged_reference() -> Reference:
    """The statistics in the package (`benchmarks/fault_finder.py` writes them)."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    return Reference(
        Normality(*(_tensor(data[name]) for name in Normality._fields)),
        {name: _tensor(row) for name, row in data["directions"].items()},
        _tensor(data["resonances"]),
        data["thresholds"],
        data["songs"],
    )


@lru_cache
def _part(without: tuple[str, ...]) -> Tensor:
    """Indices of the values of the profile whose names start with other words."""
    names = profile_names(RATE_HZ)
    return torch.tensor([n for n, name in enumerate(names) if name.split("_")[0] not in without])


def _rounded(values: Tensor, digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def _tensor(values: list[float] | list[list[float]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
