"""What a model gets to hear of a file: a few windows, read where they lie."""

import math

import torch
from torch import Tensor

from ai_mixer.data.audio import at_rate
from ai_mixer.files import Sound
from ai_mixer.mixer import MAX_WINDOWS, Mixer
from ai_mixer.types import Prediction

LONGEST_S = 60.0  # of one window, for a model that was trained on whole songs


def windows(
    sound: Sound, mixer: Mixer, start_s: float = 0.0, stop_s: float = math.inf
) -> list[Tensor]:
    """The windows that the model would choose of this part of the song, each [1, C, T].

    At the model's rate, read where they lie: a song of hours takes no more memory than they do.
    """
    rate = mixer.sample_rate
    first, last = (math.ceil(end * rate) for end in (start_s, min(stop_s, sound.duration_s)))
    size = min(mixer.window or round(LONGEST_S * rate), last - first)
    count = max(1, min(MAX_WINDOWS, (last - first) // size)) if mixer.window else 1
    starts = torch.linspace(0, last - first - size, count).long() if count > 1 else [0]
    return [
        at_rate(sound.span, sound.sample_rate, first + int(start), size, rate)[None]
        for start in starts
    ]


def predicted(
    mixer: Mixer,
    sound: Sound,
    reference: Sound | None = None,
    start_s: float = 0.0,
    stop_s: float = math.inf,
    held_back: bool = False,
) -> dict[str, float]:
    """Knob → value in its unit, as the model sets it for this part of the song.

    held_back: where it is unsure, as it is to be mixed.
    """
    roughs = windows(sound, mixer, start_s, stop_s)
    others: list[Tensor] | list[None] = windows(reference, mixer) if reference else [None]
    said = [  # one at a time, as the model would have averaged them
        mixer.opinion(roughs[n % len(roughs)], mixer.sample_rate, others[n % len(others)])
        for n in range(max(len(roughs), len(others)))
    ]
    mean = Prediction(torch.stack([one.knobs for one in said]).mean(0))
    spreads = [one.spread for one in said if one.spread is not None]
    if spreads:
        mean = mean._replace(spread=torch.stack(spreads).mean(0))
    return mixer.console.settings((mixer.held_back(mean) if held_back else mean).knobs)[0]
