"""What each knob does, to be heard: a song with the knob low, neutral and high, equally loud."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import KnobValues

HEADROOM_DB = 1.0  # below full scale, for peaks between samples


@dataclass(frozen=True)
class KnobDemo:
    """How a knob is shown.

    what: what one hears. values: the knob's, from low to high, neutral among them. note: what else
    is to know here. beside: knobs turned in all of its versions, without which it does nothing.
    """

    description: str
    values: tuple[float, ...]
    note: str = ""
    base_settings: KnobValues = field(default_factory=dict)


KNOB_DEMOS = {
    "input_gain": KnobDemo(
        "how hard the song hits the compressor",
        (0.4, 1.0, 2.5),
        "Here with the compressor at 4 : 1; without it, nothing but loudness would change.",
        {"compressor_ratio": 4.0},
    ),
    "compressor_ratio": KnobDemo(
        "loud moments turned down: denser, calmer; too much sounds flat", (1.0, 2.5, 8.0)
    ),
    "low_eq": KnobDemo("bass below about 120 Hz: weight or rumble", (-6.0, 0.0, 6.0)),
    "mid_eq": KnobDemo(
        "the middle around 1 kHz: body of voices and guitars, or boxiness", (-6.0, 0.0, 6.0)
    ),
    "high_eq": KnobDemo("treble above about 8 kHz: air and shine, or hiss", (-6.0, 0.0, 6.0)),
    "presence": KnobDemo("around 5 kHz: words and picks come forward, or hurt", (0.5, 1.0, 2.0)),
    "delay": KnobDemo("an echo after 350 ms", (0.0, 0.15, 0.4)),
    "reverb": KnobDemo("a room", (0.0, 0.15, 0.4)),
    "stereo_width": KnobDemo(
        "how far left and right lie apart; 1 is as it was",
        (0.4, 1.0, 2.5),
        "Hear it on headphones. A mono song has no width.",
    ),
    "output_level": KnobDemo(
        "the level at the end; then delivery sets the loudness",
        (0.7, 1.0, 1.4),
        "The only one whose versions are not equally loud here: louder is all it does.",
    ),
}
LEVEL_KNOB = "output_level"  # it would be nothing if its versions were equally loud


class DemoVersion(NamedTuple):
    """A song with one knob at a value: [C, T]; neutral: is it the song as it was?"""

    value: float
    audio: Tensor
    neutral: bool


def render_versions(audio: Tensor, sample_rate: int) -> dict[str, list[DemoVersion]]:
    """Knob → its versions of a song [C, T], full scale = 1, from low to high.

    All are as loud as the song (but for `LEVEL_KNOB`), and all turned down together where a peak
    would not fit.
    """
    knobs = console_cache.knobs_by_name()
    made = {
        name: [
            DemoVersion(
                value,
                _render(
                    audio, sample_rate, {**shown.base_settings, name: value}, name != LEVEL_KNOB
                ),
                value == knobs[name].neutral and not shown.base_settings,
            )
            for value in shown.values
        ]
        for name, shown in KNOB_DEMOS.items()
    }
    peak = max(float(one.audio.abs().max()) for many in made.values() for one in many)
    fit = min(1.0, 10 ** (-HEADROOM_DB / 20) / max(peak, 1e-9))
    return {
        name: [one._replace(audio=fit * one.audio) for one in many] for name, many in made.items()
    }


def _render(audio: Tensor, sample_rate: int, settings: KnobValues, equally_loud: bool) -> Tensor:
    """The song with these settings, all others neutral: [C, T]."""
    console = console_cache.shared_console()
    lighter, knobs = console.without_neutral(console.knobs_from(settings))
    with torch.inference_mode():
        mix = lighter(audio[None], sample_rate, knobs, limit=False)
        before, after = (float(loudness_lufs(x, sample_rate)) for x in (audio[None], mix))
    heard = equally_loud and min(before, after) > SILENCE_DB
    return mix[0] * (10 ** ((before - after) / 20) if heard else 1.0)
