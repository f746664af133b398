"""What each knob does, to be heard: a song with the knob low, neutral and high, equally loud."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import Values

HEADROOM_DB = 1.0  # below full scale, for peaks between samples


@dataclass(frozen=True)
class Shown:
    """How a knob is shown.

    what: what one hears. values: the knob's, from low to high, neutral among them. note: what else
    is to know here. beside: knobs turned in all of its versions, without which it does nothing.
    """

    what: str
    values: tuple[float, ...]
    note: str = ""
    beside: Values = field(default_factory=dict)


SHOWN = {
    "input_gain": Shown(
        "how hard the song hits the compressor",
        (0.4, 1.0, 2.5),
        "Here with the compressor at 4 : 1; without it, nothing but loudness would change.",
        {"compressor_ratio": 4.0},
    ),
    "compressor_ratio": Shown(
        "loud moments turned down: denser, calmer; too much sounds flat", (1.0, 2.5, 8.0)
    ),
    "low_eq": Shown("bass below about 120 Hz: weight or rumble", (-6.0, 0.0, 6.0)),
    "mid_eq": Shown(
        "the middle around 1 kHz: body of voices and guitars, or boxiness", (-6.0, 0.0, 6.0)
    ),
    "high_eq": Shown("treble above about 8 kHz: air and shine, or hiss", (-6.0, 0.0, 6.0)),
    "presence": Shown("around 5 kHz: words and picks come forward, or hurt", (0.5, 1.0, 2.0)),
    "delay": Shown("an echo after 350 ms", (0.0, 0.15, 0.4)),
    "reverb": Shown("a room", (0.0, 0.15, 0.4)),
    "stereo_width": Shown(
        "how far left and right lie apart; 1 is as it was",
        (0.4, 1.0, 2.5),
        "Hear it on headphones. A mono song has no width.",
    ),
    "output_level": Shown(
        "the level at the end; then delivery sets the loudness",
        (0.7, 1.0, 1.4),
        "The only one whose versions are not equally loud here: louder is all it does.",
    ),
}
LOUDNESS = "output_level"  # it would be nothing if its versions were equally loud


class Version(NamedTuple):
    """A song with one knob at a value: [C, T]; neutral: is it the song as it was?"""

    value: float
    audio: Tensor
    neutral: bool


def versions(audio: Tensor, sample_rate: int) -> dict[str, list[Version]]:
    """Knob → its versions of a song [C, T], full scale = 1, from low to high.

    All are as loud as the song (but for `LOUDNESS`), and all turned down together where a peak
    would not fit.
    """
    knobs = console_cache.knobs()
    made = {
        name: [
            Version(
                value,
                _turned(audio, sample_rate, {**shown.beside, name: value}, name != LOUDNESS),
                value == knobs[name].neutral and not shown.beside,
            )
            for value in shown.values
        ]
        for name, shown in SHOWN.items()
    }
    peak = max(float(one.audio.abs().max()) for many in made.values() for one in many)
    fit = min(1.0, 10 ** (-HEADROOM_DB / 20) / max(peak, 1e-9))
    return {
        name: [one._replace(audio=fit * one.audio) for one in many] for name, many in made.items()
    }


def _turned(audio: Tensor, sample_rate: int, settings: Values, equally_loud: bool) -> Tensor:
    """The song with these settings, all others neutral: [C, T]."""
    console = console_cache.console()
    lighter, knobs = console.turned(console.knobs_from(settings))
    with torch.inference_mode():
        mix = lighter(audio[None], sample_rate, knobs, limit=False)
        before, after = (float(loudness_lufs(x, sample_rate)) for x in (audio[None], mix))
    heard = equally_loud and min(before, after) > SILENCE_DB
    return mix[0] * (10 ** ((before - after) / 20) if heard else 1.0)
