"""Audio demos of the knobs: a song with each knob low, neutral and high, at equal loudness."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, cast

import torch
from torch import Tensor

from ai_mixer.console import Console, ConsoleGraph, load_console
from ai_mixer.core.knob import Knob
from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.listening.labels import format_setting
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import WIDE, KnobValues
from ai_mixer.mixing.track_console import track_console

HEADROOM_DB = 1.0  # for peaks between samples


@dataclass(frozen=True)
class KnobDemo:
    """Demo of one knob.

    description: its effect on the sound. values: of the knob, ascending, with neutral among them.
    note: a further remark. base_settings: settings of other knobs in all versions, without which
    the knob has no effect.
    """

    description: str
    values: tuple[float, ...]
    note: str = ""
    base_settings: KnobValues = field(default_factory=dict)


KNOB_DEMOS = {
    "input_gain": KnobDemo(
        "how hard the song hits the compressor",
        (0.4, 1.0, 2.5),
        "Here with the compressor at 4 : 1; without it, only the loudness would change.",
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
        "Use headphones. A mono song has no width.",
    ),
    "output_level": KnobDemo(
        "the level at the end; then delivery sets the loudness",
        (0.7, 1.0, 1.4),
        "The only knob whose versions are not equally loud here: it changes nothing but the level.",
    ),
}
LEVEL_KNOB = "output_level"
LEVEL_KNOBS = {  # not matched: they change the level only
    LEVEL_KNOB,
    "level",
    "compressor_makeup",
    "compressor_makeup_db",
    "trim_db",
    "fader_db",
}
LEVEL_LIMITS = {"ratio": (0.5, 2.0), "dB": (-6.0, 6.0)}  # more would make all versions soft
BASE_POSITION = 0.8  # of the other knobs of an effect, to hear a shape knob
UNIT_SUFFIX = re.compile(r"_(db|hz|ms|s)$")


class DemoVersion(NamedTuple):
    """A song [C, T] with one knob at a value; neutral: whether it equals the song."""

    value: float
    audio: Tensor
    neutral: bool


@lru_cache
def demo_console(name: str = console_cache.CONSOLE_NAME) -> Console:
    """A console with its widest ranges; of one for several tracks the strip and the buses.

    ValueError for an unknown name.
    """
    console = cast(Console | ConsoleGraph, load_console(name, WIDE))
    return track_console(console) if isinstance(console, ConsoleGraph) else console


def knob_demos(console_name: str = console_cache.CONSOLE_NAME) -> dict[str, KnobDemo]:
    """Demos of all knobs of a console. ValueError for an unknown name."""
    if console_name == console_cache.CONSOLE_NAME:
        return KNOB_DEMOS
    demos, console = {}, demo_console(console_name)
    for (effect, columns), name in zip(
        console.effects_with_columns(), console.effects, strict=True
    ):
        base = {a: index for a, index in columns.items() if a not in effect.shape_knobs}
        positions = console.neutral.clone()
        positions[list(base.values())] = BASE_POSITION
        (settings,) = console.settings(positions[None])
        others = {console.names[index]: settings[console.names[index]] for index in base.values()}
        units = [(argument, console.knobs[index]) for argument, index in base.items()]
        note = " and ".join(
            f"{in_words(argument)} {format_setting(others[knob.name], knob.unit)}"
            for argument, knob in units
        )
        for argument, index in columns.items():
            knob, words = console.knobs[index], in_words(argument)
            is_shape = argument in effect.shape_knobs
            demos[knob.name] = KnobDemo(
                words if words == name else f"{words} of {in_words(name)}",
                _values(knob),
                f"Here with {note}." if is_shape else "",
                others if is_shape else {},
            )
    return demos


def _values(knob: Knob) -> tuple[float, ...]:
    """Both ends of the range, and neutral."""
    low, high = LEVEL_LIMITS[knob.unit] if knob.name in LEVEL_KNOBS else (knob.low, knob.high)
    return tuple(sorted({max(low, knob.low), knob.neutral, min(high, knob.high)}))


def in_words(name: str) -> str:
    """An identifier in words, without its unit."""
    return UNIT_SUFFIX.sub("", name).replace("_", " ")


def render_versions(
    audio: Tensor, sample_rate: int, console_name: str = console_cache.CONSOLE_NAME
) -> dict[str, list[DemoVersion]]:
    """Render a song [C, T], full scale = 1: knob → its versions, in the order of its values.

    All have the loudness of the song (except for LEVEL_KNOBS), and all are attenuated by the same
    gain if a peak exceeds the headroom.
    """
    console = demo_console(console_name)
    knobs = {knob.name: knob for knob in console.knobs}
    versions = {
        name: [
            DemoVersion(
                value,
                _render(
                    console,
                    audio,
                    sample_rate,
                    {**demo.base_settings, name: value},
                    name not in LEVEL_KNOBS,
                ),
                value == knobs[name].neutral and not demo.base_settings,
            )
            for value in demo.values
        ]
        for name, demo in knob_demos(console_name).items()
    }
    peak = max(float(v.audio.abs().max()) for group in versions.values() for v in group)
    gain = min(1.0, 10 ** (-HEADROOM_DB / 20) / max(peak, 1e-9))
    return {
        name: [version._replace(audio=gain * version.audio) for version in group]
        for name, group in versions.items()
    }


def _render(
    console: Console, audio: Tensor, sample_rate: int, settings: KnobValues, match_loudness: bool
) -> Tensor:
    """Render with these settings, all other knobs at neutral: [C, T]."""
    reduced_console, knobs = console.without_neutral(console.knobs_from(settings))
    with torch.inference_mode():
        mix = reduced_console(audio[None], sample_rate, knobs, limit=False)
        before, after = (float(loudness_lufs(x, sample_rate)) for x in (audio[None], mix))
    matched = match_loudness and min(before, after) > SILENCE_DB
    return mix[0] * (10 ** ((before - after) / 20) if matched else 1.0)
