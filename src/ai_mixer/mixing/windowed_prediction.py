"""Predict the knobs of a file from a few windows, without loading the whole file."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.core.types import KnobStages, Prediction
from ai_mixer.inference.predictor import Predictor
from ai_mixer.inference.refinement import RefinementAudio
from ai_mixer.inference.windows import MAX_WINDOWS, reference_excerpt

MAX_WINDOW_S = 60.0  # for a model trained on whole songs


class SongWindows:
    """The windows that a model uses of a part of a song, each [1, C, T] at the model's rate.

    A window is read when it is indexed, so memory does not grow with the length of the song.
    Indices wrap around.
    """

    def __init__(
        self, song: AudioFile, predictor: Predictor, start_s: float = 0.0, stop_s: float = math.inf
    ) -> None:
        self._sound, self._rate = song, predictor.sample_rate
        bounds_s = start_s, min(stop_s, song.duration_s)
        self._first, last = (math.ceil(bound_s * self._rate) for bound_s in bounds_s)
        length = last - self._first
        self._size = min(predictor.window or round(MAX_WINDOW_S * self._rate), length)
        count = max(1, min(MAX_WINDOWS, length // self._size)) if predictor.window else 1
        starts = torch.linspace(0, length - self._size, count).long() if count > 1 else [0]
        self._starts = [int(start) for start in starts]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, n: int) -> Tensor:
        first = self._first + self._starts[n % len(self)]
        song = self._sound
        return read_resampled(song.read_samples, song.sample_rate, first, self._size, self._rate)[
            None
        ]


def _joined(windows: SongWindows) -> list[Tensor]:
    """All windows one after the other, as one."""
    return [torch.cat([windows[n] for n in range(len(windows))], -1)]


def predict_song(
    predictor: Predictor,
    song: AudioFile,
    reference: AudioFile | None = None,
    start_s: float = 0.0,
    stop_s: float = math.inf,
) -> KnobStages:
    """Predict the knobs of a part of a song, [1, P], as `Predictor.stages` does for a tensor.

    With a reference, the applied knobs are refined towards it.
    """
    rate = predictor.sample_rate
    windows = SongWindows(song, predictor, start_s, stop_s)
    references = SongWindows(reference, predictor) if reference else None
    excerpts: Sequence[Tensor] | SongWindows = windows
    targets: Sequence[Tensor] | SongWindows | None = references
    if predictor.joins_windows:
        excerpts, targets = _joined(windows), references and _joined(references)
    predictions = [  # one at a time: `Predictor.predict` averages a batch of them in the same way
        predictor.predict_with_uncertainty(
            excerpts[n % len(excerpts)], rate, targets[n % len(targets)] if targets else None
        )
        for n in range(max(len(excerpts), len(targets or ())))
    ]
    mean = Prediction(torch.stack([p.knobs for p in predictions]).mean(0))
    uncertainties = [p.uncertainty for p in predictions if p.uncertainty is not None]
    if uncertainties:
        mean = mean._replace(uncertainty=torch.stack(uncertainties).mean(0))
    refinement = None
    if references:
        rough, target = (reference_excerpt(audio, rate) for audio in (windows, references))
        refinement = RefinementAudio(rough, target, "reference", rate)
    return KnobStages(mean, predictor.apply(mean, refinement))
