"""Apply the options of a mix to predicted settings."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Protocol

from ai_mixer.core.knob import Knob
from ai_mixer.mixing.loudness_target import KEEP_LOUDNESS
from ai_mixer.mixing.mix_console import MixConsole
from ai_mixer.mixing.mix_options import KnobValues, MixOptions, Style
from ai_mixer.mixing.preset import Preset, single_section_preset
from ai_mixer.mixing.styles import is_factor


class Bounds(Protocol):
    """Lowest and highest value of a knob, in its unit; a `Knob` is one."""

    @property
    def low(self) -> float: ...  # noqa: D102

    @property
    def high(self) -> float: ...  # noqa: D102


def apply_mix_options(
    predicted: Mapping[str, float],
    knobs: Mapping[str, Knob],
    mix_options: MixOptions,
    ranges: Mapping[str, Bounds],
    shapes: Collection[str] = (),
    present: Mapping[str, float] | None = None,
) -> KnobValues:
    """Return the settings of a mix: predicted ones with amount, style, ranges and fixed settings.

    In this order: the style's amount scales the prediction, the ranges limit it, and `amount` is a
    share of the result, so that half a mix is half of what the whole one does.

    predicted: knob → value in its unit, neutral if missing. knobs: those of the console. ranges:
    the limits that apply to them. shapes: knobs that have no amount of their own, such as the
    frequency of a band (`MixConsole.shapes`). present: knob → what the song has already of what a
    style adds, such as reverb; the style adds the rest. Fixed settings are limited by the console
    only, which `MixConsole.check` has checked. Values are rounded to four decimals, so that a saved
    preset gives the same samples.
    """
    style = mix_options.style_settings
    settings = {}
    for name, knob in knobs.items():
        value = predicted.get(name, knob.neutral)
        amount = mix_options.amount_of(name)
        if name in shapes:
            value = _clamp(value, ranges[name]) if amount > 0 else knob.neutral
        else:
            value = _scaled(_clamp(_scaled(value, style.amount, knob), ranges[name]), amount, knob)
        if amount > 0:
            value = _apply_style(
                name, value, style, mix_options.intensity, (present or {}).get(name)
            )
        settings[name] = round(float(mix_options.fixed_settings.get(name, _clamp(value, knob))), 4)
    return settings


def unmoved_preset(console: MixConsole, mix_options: MixOptions) -> Preset:
    """Preset without a prediction: neutral, except for the user's style and fixed settings."""
    settings = apply_mix_options({}, console.knobs, mix_options, console.knobs, console.shapes)
    return single_section_preset(settings, console=console)


def with_options(
    preset: Preset,
    options: MixOptions,
    target_lufs: float | str | None = None,
    ceiling_db: float | None = None,
    max_reduction_db: float | None = None,
) -> Preset:
    """A preset with amounts, fixed settings, a target, a ceiling and the limiter's reduction.

    None leaves its own.

    target_lufs: "none" keeps the loudness of the song.
    """
    levels = target_lufs, ceiling_db, max_reduction_db
    asked = options != MixOptions() or any(level is not None for level in levels)
    console = preset.console
    arguments = (console.knobs, options, console.knobs, console.shapes)
    sections = tuple(
        replace(section, settings=apply_mix_options(section.settings, *arguments))
        for section in preset.sections
    )
    equaliser = preset.equaliser
    if equaliser:
        equaliser = equaliser.scaled(*(_share(options, aspect) for aspect in ("tone", "width")))
    if target_lufs is None:
        target_lufs = preset.target_lufs
    elif target_lufs == KEEP_LOUDNESS:
        target_lufs = None
    return replace(
        preset,
        sections=sections,
        equaliser=equaliser,
        target_lufs=target_lufs,
        ceiling_db=preset.ceiling_db if ceiling_db is None else ceiling_db,
        max_reduction_db=preset.max_reduction_db if max_reduction_db is None else max_reduction_db,
        unchanged=preset.unchanged and not asked,
    )


def _share(options: MixOptions, aspect: str) -> float:
    share = options.share_of(aspect)
    return 1.0 if share is None else share


def _apply_style(
    name: str, value: float, style: Style, intensity: float, present: float | None
) -> float:
    offset = style.offset(name, intensity)
    if offset is not None:
        offset = offset if present is None else max(offset - present, 0.0)
        value = value * offset if is_factor(name) else value + offset
    return style.values.get(name, max(value, style.minimum.get(name, value)))


def _scaled(value: float, amount: float, knob: Knob) -> float:
    """Interpolate from neutral to `value` by `amount`, on the knob's own scale.

    Half of 4 dB is 2 dB; a ratio is scaled in dB, a compressor's ratio in its slope.
    """
    if amount == 1:
        return value
    if knob.scale == "log":
        return float(knob.neutral * (value / knob.neutral) ** amount)
    if knob.scale == "slope":
        return 1.0 / (1.0 - min(amount * (1.0 - 1.0 / value), 0.99))
    return knob.neutral + amount * (value - knob.neutral)


def _clamp(value: float, bounds: Bounds) -> float:
    return min(max(value, bounds.low), bounds.high)
