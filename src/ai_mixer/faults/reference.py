"""What the detectors know of finished music: its normality, directions of faults, thresholds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ai_mixer.faults.fault_profile import RATE_HZ, fault_profile_names
from ai_mixer.faults.fine_spectrum import resonance_templates
from ai_mixer.metrics.normality import Normality
from ai_mixer.models.profile_regression import ProfileRegression

FILE = Path(__file__).parent / "finished_music.json"
ALL: tuple[str, ...] = ()  # parts of the profile


@dataclass(frozen=True)
class Reference:
    """Statistics of finished songs.

    profiles: of the songs, [songs, F] (`fault_profile`). normality: of the profiles. directions:
    fault → change of the profile per unit of its severity, [F]. resonances: normality of the
    contrast of `fine_spectrum.resonance_bands`. thresholds: fault → score that few finished songs
    exceed.
    """

    profiles: Tensor
    normality: Normality
    directions: Mapping[str, Tensor]
    resonances: Normality
    thresholds: Mapping[str, float]
    _regressions: dict[tuple[str, tuple[str, ...]], ProfileRegression] = field(
        default_factory=dict, compare=False, repr=False
    )

    def amount(self, fault: str, profile: Tensor, parts: tuple[str, ...] = ALL) -> float:
        """Estimated severity of a fault that changes the profile [F].

        parts: first words of the names of the values that are used; all if empty.
        """
        used = _indices(parts)
        return float(self.normality.amount(profile, self.directions[fault], used))

    def abnormality(
        self, fault: str, profile: Tensor, severity: float, parts: tuple[str, ...] = ALL
    ) -> float:
        """How much more a profile [F] is like songs with the fault than like finished ones.

        −1 is like finished songs, 1 like those with the fault at this severity, 0 like neither:
        Gaussian process regression on the finished songs, each without and with the fault.
        """
        used = _indices(parts)
        if (fault, parts) not in self._regressions:
            damaged = self.profiles + severity * self.directions[fault]
            regression = ProfileRegression(len(used), 1, 2 * len(damaged))
            labels = 2.0 * torch.arange(2).repeat_interleave(len(damaged))[:, None] - 1.0
            regression.fit(self._standard(torch.cat([self.profiles, damaged]))[:, used], labels)
            self._regressions[fault, parts] = regression
        standard = self._standard(profile)[None, used].float()
        with torch.no_grad():
            return float(self._regressions[fault, parts](standard))

    def resonance(self, contrast_db: Tensor) -> tuple[float, float]:
        """Largest resonance in a contrast [bands]: standard deviations, and dB."""
        deviations = self.resonances.deviations(contrast_db)
        templates = resonance_templates()
        weights = torch.linalg.solve(self.resonances.covariance, templates.T)
        information = (templates.T * weights).sum(0)
        scores = deviations @ weights / information.sqrt()
        best = int(scores.argmax())
        return float(scores[best]), float(scores[best] / information[best].sqrt())

    def _standard(self, profiles: Tensor) -> Tensor:
        return self.normality.deviations(profiles) / self.normality.std

    def to_json(self) -> str:
        """Rounded to a hundredth of a dB, the profiles of the songs to a tenth."""
        data = {
            "thresholds": {name: round(value, 3) for name, value in self.thresholds.items()},
            "resonances": _normality_data(self.resonances),
            "normality": _normality_data(self.normality),
            "directions": {name: _rounded(row, 4) for name, row in self.directions.items()},
            "profiles": [_rounded(row, 1) for row in self.profiles],
        }
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


@lru_cache(maxsize=1)
def packaged_reference() -> Reference:
    """The statistics in the package (`benchmarks/fault_finder.py` writes them)."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    return Reference(
        _tensor(data["profiles"]),
        _normality(data["normality"]),
        {name: _tensor(row) for name, row in data["directions"].items()},
        _normality(data["resonances"]),
        data["thresholds"],
    )


@lru_cache
def _indices(parts: tuple[str, ...]) -> Tensor:
    """Indices of the values of the profile whose names start with one of these words."""
    names = fault_profile_names(RATE_HZ)
    return torch.tensor(
        [n for n, name in enumerate(names) if not parts or name.split("_")[0] in parts]
    )


def _normality_data(normality: Normality) -> dict[str, object]:
    covariance = [_rounded(row[: n + 1]) for n, row in enumerate(normality.covariance)]
    return {
        "mean": _rounded(normality.mean),
        "std": _rounded(normality.std),
        "covariance": covariance,
    }


def _normality(data: Mapping[str, list[float]]) -> Normality:
    """From the lower half of the covariance."""
    mean, std = _tensor(data["mean"]), _tensor(data["std"])
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    rows, columns = torch.tril_indices(len(mean), len(mean))
    covariance[rows, columns] = _tensor([value for row in data["covariance"] for value in row])  # type: ignore[attr-defined]
    return Normality(mean, std, covariance + covariance.tril(-1).T)


def _rounded(values: Tensor, digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def _tensor(values: list[float] | list[list[float]]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)
