"""What a model gets to hear of a file: a few windows, read where they lie."""

import math

import torch
from torch import Tensor

from ai_mixer.data.audio import at_rate
from ai_mixer.files import Sound
from ai_mixer.mixer import MAX_WINDOWS, Mixer

LONGEST_S = 60.0  # of one window, for a model that was trained on whole songs


def heard(sound: Sound, mixer: Mixer, start_s: float = 0.0, stop_s: float = math.inf) -> Tensor:
    """The windows that the model would choose of this part of the song, joined: [1, C, T].

    At the model's rate. `Mixer.predict` cuts it at the seams again, so it says the same as of the
    whole song, in the memory of its windows.
    """
    rate = mixer.sample_rate
    ends = (start_s, min(stop_s, sound.duration_s))
    first, last = (math.ceil(end * rate) for end in ends)
    window = mixer.window or round(LONGEST_S * rate)
    length = last - first
    count = max(1, min(MAX_WINDOWS, length // window)) if mixer.window else 1
    size = min(window, length)
    starts = torch.linspace(0, length - size, count, dtype=torch.float64).long()
    windows = [
        at_rate(sound.span, sound.sample_rate, first + int(start), size, rate) for start in starts
    ]
    return torch.cat(windows, dim=-1)[None]


def predicted(
    mixer: Mixer,
    sound: Sound,
    reference: Sound | None = None,
    start_s: float = 0.0,
    stop_s: float = math.inf,
) -> dict[str, float]:
    """Knob → value in its unit, as the model sets it for this part of the song."""
    other = None if reference is None else heard(reference, mixer)
    knobs = mixer.predict(heard(sound, mixer, start_s, stop_s), mixer.sample_rate, reference=other)
    return mixer.console.settings(knobs)[0]
