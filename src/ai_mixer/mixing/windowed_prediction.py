"""What a model gets to hear of a file: a few windows, read where they lie."""

import math

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.core.types import Prediction
from ai_mixer.inference.predictor import MAX_WINDOWS, Predictor

REFINEMENT_S = 20.0  # what a mix after a reference is refined by: some 30 renders of it
MAX_WINDOW_S = 60.0  # of one window, for a model that was trained on whole songs


class SongWindows:
    """The windows that the model would choose of this part of the song, each [1, C, T].

    At the model's rate, read where they lie and when they are asked for: a song of hours takes no
    more memory than one of them. After the last one comes the first again.
    """

    def __init__(
        self, sound: AudioFile, mixer: Predictor, start_s: float = 0.0, stop_s: float = math.inf
    ) -> None:
        self._sound, self._rate = sound, mixer.sample_rate
        ends_s = start_s, min(stop_s, sound.duration_s)
        self._first, last = (math.ceil(end_s * self._rate) for end_s in ends_s)
        length = last - self._first
        self._size = min(mixer.window or round(MAX_WINDOW_S * self._rate), length)
        count = max(1, min(MAX_WINDOWS, length // self._size)) if mixer.window else 1
        starts = torch.linspace(0, length - self._size, count).long() if count > 1 else [0]
        self._starts = [int(start) for start in starts]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, n: int) -> Tensor:
        first = self._first + self._starts[n % len(self)]
        sound = self._sound
        return read_resampled(sound.read_samples, sound.sample_rate, first, self._size, self._rate)[
            None
        ]


def predict_settings(
    mixer: Predictor,
    sound: AudioFile,
    reference: AudioFile | None = None,
    start_s: float = 0.0,
    stop_s: float = math.inf,
    shrink: bool = False,
) -> dict[str, float]:
    """Knob → value in its unit, as the model sets it for this part of the song.

    held_back: as it is to be mixed: held back where it is unsure, and with a reference refined
    until the song measures like it.
    """
    roughs = SongWindows(sound, mixer, start_s, stop_s)
    others = SongWindows(reference, mixer) if reference else None
    said = [  # one at a time, as the model would have averaged them
        mixer.predict_with_uncertainty(roughs[n], mixer.sample_rate, others[n] if others else None)
        for n in range(max(len(roughs), len(others or ())))
    ]
    mean = Prediction(torch.stack([one.knobs for one in said]).mean(0))
    spreads = [one.uncertainty for one in said if one.uncertainty is not None]
    if spreads:
        mean = mean._replace(uncertainty=torch.stack(spreads).mean(0))
    if shrink:
        mean = mixer.shrink(mean)
        if others and mean.uncertainty is not None:
            both = _refinement_excerpt(roughs, mixer), _refinement_excerpt(others, mixer)
            mean = mixer.refine(mean, *both, "reference", mixer.sample_rate)
    return mixer.console.settings(mean.knobs)[0]


def _refinement_excerpt(windows: SongWindows, mixer: Predictor) -> Tensor:
    """About REFINED_S of the song, evenly from all of it: [1, C, T]."""
    length = round(REFINEMENT_S * mixer.sample_rate)
    first = windows[0].shape[-1]
    count = max(1, min(len(windows), length // first))
    chosen = [windows[(2 * n + 1) * len(windows) // (2 * count)] for n in range(count)]
    return torch.cat(chosen, -1)[..., :length]
