"""Audio, settings and metrics of one song for a listening page."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ai_mixer.core.knob import Knob
from ai_mixer.core.types import Condition
from ai_mixer.core.units import SCALES, Scale

Audio = NDArray[np.floating]


@dataclass(frozen=True)
class SettingRow:
    """Predicted, applied and true setting of one knob, in physical units.

    predicted: output of the model, NaN if it has no such knob. applied: what the mix is rendered
    with; None: as predicted. true: None if unknown; masked: not evaluated on this song.
    """

    knob: str
    unit: str
    low: float
    high: float
    neutral: float
    predicted: float
    true: float | None = None
    masked: bool = False
    scale: Scale = "linear"
    applied: float | None = None

    @property
    def rendered(self) -> float:
        """The applied value."""
        return self.predicted if self.applied is None else self.applied

    def to_position(self, value: float) -> float:
        """Return the position of a value between the knob's ends, clipped to 0–1."""
        ends_and_value = torch.tensor([self.low, self.high, value], dtype=torch.float64)
        low, high, warped = SCALES[self.scale].warp(ends_and_value).tolist()
        return float(np.clip((warped - low) / (high - low), 0.0, 1.0))


@dataclass(frozen=True)
class Mix:
    """Mix of a song by one model: audio [C, T], full scale = 1, settings and metrics."""

    audio: Audio
    settings: Sequence[SettingRow] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrackSamples:
    """One track of a song: its part of each version, [C, T]; its role, None for none."""

    name: str
    versions: Mapping[str, Audio]
    role: str | None = None


@dataclass(frozen=True)
class SongSamples:
    """One song: its rough version, one or several mixes, and the finished version.

    rough, finished: [C, T], full scale = 1, all of one length and rate. mixes: by a short name of
    lower-case letters and digits, in playing order. note: shown beside the song. tracks: to mute
    and solo, with all versions. ValueError if names or audio are not valid.
    """

    name: str
    sample_rate: int
    rough: Audio
    mixes: Mapping[str, Mix]
    finished: Audio
    genre: str | None = None
    condition: Condition | None = None
    rough_metrics: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    tracks: Sequence[TrackSamples] = ()

    def __post_init__(self) -> None:
        if not self.mixes or not all(re.fullmatch(r"[a-z][a-z0-9]*", name) for name in self.mixes):
            raise ValueError(f"song {self.name}: needs mixes named like mix1, got {[*self.mixes]}")
        shapes = {name: audio.shape for name, audio in self.versions().items()}
        lengths = {shape[-1] for shape in shapes.values() if len(shape) == 2}
        if len(lengths) != 1 or any(len(shape) != 2 for shape in shapes.values()):
            raise ValueError(f"song {self.name}: needs [C, T] arrays of one length, got {shapes}")
        if 0 in lengths:
            raise ValueError(f"song {self.name}: is empty, needs at least one sample")
        for name, audio in self.versions().items():
            if not np.isfinite(audio).all():
                raise ValueError(f"song {self.name}: {name} has NaN or infinite samples")
        for track in self.tracks:
            lengths_of_track = {audio.shape[-1] for audio in track.versions.values()}
            if set(track.versions) != set(shapes) or lengths_of_track != lengths:
                raise ValueError(
                    f"song {self.name}: {track.name} needs the versions {[*shapes]} in full length"
                )

    def versions(self) -> dict[str, Audio]:
        """Return all versions by name, in playing order."""
        mixes = {name: mix.audio for name, mix in self.mixes.items()}
        return {"rough": self.rough, **mixes, "finished": self.finished}


def setting_rows(
    knobs: Sequence[Knob],
    predicted: Mapping[str, float],
    true: Mapping[str, float] | None = None,
    masked: Collection[str] = (),
    applied: Mapping[str, float] | None = None,
) -> list[SettingRow]:
    """Return a row per knob from settings in physical units (`console.settings`)."""
    return [
        SettingRow(
            knob=knob.name,
            unit=knob.unit,
            low=knob.low,
            high=knob.high,
            neutral=knob.neutral,
            predicted=predicted.get(knob.name, math.nan),
            true=None if true is None else true.get(knob.name),
            masked=knob.name in masked,
            scale=knob.scale,
            applied=None if applied is None else applied.get(knob.name, math.nan),
        )
        for knob in knobs
    ]
