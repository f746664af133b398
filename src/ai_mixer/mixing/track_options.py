"""Amounts and fixed settings of the knobs of tracks: options of one file, for each track."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ai_mixer.console import ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.knob import Knob
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.mix_console import MixConsole
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.quantities import knob_name
from ai_mixer.mixing.track_inputs import TrackInput, find_track, has_name
from ai_mixer.mixing.track_settings import apply_options, settings_of_tracks

GROUPS: Mapping[str, tuple[str, ...]] = {
    "gain": ("trim", "fader"),
    "eq": ("low_cut", "low_shelf", "peak", "high_shelf"),
    **{name: (name,) for name in ("compressor", "width", "pan", "reverb", "delay")},
}
"""Name of a group → how the names of its knobs begin."""

Value = TypeVar("Value", float, str)


def options_by_track(
    console: ConsoleGraph, inputs: Sequence[TrackInput], options: MixOptions
) -> list[MixOptions]:
    """The options of each track.

    Names of knobs and groups are for all tracks, or for one with its name before a colon:
    `vox.wav:fader_db`; an amount may also be for a track: `vox.wav`. ValueError (one line) for an
    unknown track, knob or group, or a value out of range.
    """
    if options.style or options.aspects:
        raise ValueError("styles and aspects are options of one file, not of tracks")
    strip = _strip(console)
    fixed = _scoped(inputs, "--set", options.fixed_settings)
    units = _scoped(inputs, "--set", options.units)
    amounts = _scoped(inputs, "--amount", options.group_amounts)
    only = _scoped(inputs, "--only", dict.fromkeys(options.only_groups, 1.0))
    found = []
    for number, track in enumerate(inputs):
        groups = amounts[number]
        own = MixOptions(
            amount=groups.pop("", options.amount),
            group_amounts=dict(_expanded(strip.knobs, groups)),
            only_groups=[name for name, _ in _expanded(strip.knobs, only[number])],
            fixed_settings=fixed[number],
            units=units[number],
        )
        try:
            own = strip.resolve(own)
            strip.check(own)
        except ValueError as error:
            raise ValueError(f"{track.name}: {error}") from None
        found.append(own)
    return found


def with_options_of_tracks(
    console: ConsoleGraph,
    knobs: GraphKnobs,
    tracks: Sequence[TrackInput],
    options: Sequence[MixOptions],
) -> GraphKnobs:
    """Knobs with amounts, then pans and leads, then fixed settings."""
    scaled = _applied(console, knobs, tracks, [replace(own, fixed_settings={}) for own in options])
    moved = apply_options(console, scaled, tracks)
    fixed = [MixOptions(fixed_settings=own.fixed_settings) for own in options]
    return _applied(console, moved, tracks, fixed)


def _applied(
    console: ConsoleGraph,
    knobs: GraphKnobs,
    tracks: Sequence[TrackInput],
    options: Sequence[MixOptions],
) -> GraphKnobs:
    if all(own == MixOptions() for own in options):
        return knobs
    strip, settings = _strip(console), settings_of_tracks(console, knobs, tracks)
    changed = [
        track | apply_mix_options(track, strip.knobs, own, strip.knobs, strip.shapes)
        for track, own in zip(settings["tracks"], options, strict=True)
    ]
    return console.knobs_from({**settings, "tracks": changed})


def _strip(console: ConsoleGraph) -> MixConsole:
    """The strip with its sends, as a console of one file."""
    knobs = {knob.name: knob for knob in console.layout.strip}
    return MixConsole(console.strip, knobs, "studio")


def _scoped(
    inputs: Sequence[TrackInput], option: str, values: Mapping[str, Value]
) -> list[dict[str, Value]]:
    """Values of each track by knob or group; `""` for the whole track."""
    found: list[dict[str, Value]] = [{} for _ in inputs]
    for given, value in sorted(values.items(), key=lambda item: ":" in item[0]):
        name, colon, knob = given.rpartition(":")
        if option == "--amount" and any(has_name(track, given) for track in inputs):
            name, colon, knob = given, ":", ""
        own = [find_track(inputs, option, name)] if colon else range(len(inputs))
        for number in own:
            found[number][knob] = value
    return found


def _expanded(
    knobs: Mapping[str, Knob], values: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    """Values by knob: groups first, so that a knob's own value counts."""
    for name in sorted(values, key=lambda name: name not in GROUPS):
        if name in GROUPS:
            members = [knob for knob in knobs if knob.startswith(GROUPS[name])]
            yield from ((knob, values[name]) for knob in members)
        elif knob_name(name, knobs) in knobs:
            yield knob_name(name, knobs), values[name]
        else:
            known = ", ".join([*GROUPS, *knobs])
            raise ValueError(f"no group or knob {name!r}: there are {known}")
