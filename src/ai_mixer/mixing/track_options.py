"""Amounts and fixed settings of tracks, buses and master: options of one file, for each of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar, cast

from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.core.knob import Knob
from ai_mixer.metrics.track_skill import FADER
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.mix_console import MixConsole
from ai_mixer.mixing.mix_options import KNOB_GROUPS, KnobValues, MixOptions
from ai_mixer.mixing.quantities import knob_name
from ai_mixer.mixing.track_inputs import TrackInput, find_track, has_name
from ai_mixer.mixing.track_settings import apply_options, settings_of_tracks

GROUPS: Mapping[str, tuple[str, ...]] = {
    "gain": ("trim", "fader"),
    "eq": ("low_cut", "low_shelf", "peak", "high_shelf"),
    **{name: (name,) for name in ("compressor", "width", "pan", "reverb", "delay")},
}
"""Name of a group of the strip → how the names of its knobs begin."""

MASTER = "master"
WHOLE = ""  # in place of a knob: all of them

Value = TypeVar("Value", float, str)


class TrackOptions(NamedTuple):
    """The options of each track, of each bus by its name, and of the master."""

    tracks: list[MixOptions]
    buses: dict[str, MixOptions]
    master: MixOptions

    def map(self, change: Callable[[MixOptions], MixOptions]) -> "TrackOptions":
        """All options changed by a function."""
        buses = {name: change(own) for name, own in self.buses.items()}
        return TrackOptions([change(own) for own in self.tracks], buses, change(self.master))


def options_by_track(
    console: ConsoleGraph, inputs: Sequence[TrackInput], options: MixOptions
) -> TrackOptions:
    """The options of each track, bus and master.

    Names of knobs and groups are for all tracks, or for what is named before a colon: a track
    (`vox.wav:fader_db`), a bus (`reverb:decay_s`) or the master (`master:low_cut`). An amount may
    also be for a whole track or the master: `vox.wav`, `master`. With `only_groups` of other parts
    the master is neutral; a bus is not, as it is silent without sends. ValueError (one line) for an
    unknown track, bus, knob or group, or a value out of range.
    """
    if options.style or options.aspects:
        raise ValueError("styles and aspects are options of one file, not of tracks")
    fixed = _scoped(console, inputs, "--set", options.fixed_settings)
    units = _scoped(console, inputs, "--set", options.units)
    amounts = _scoped(console, inputs, "--amount", options.group_amounts)
    only = _scoped(console, inputs, "--only", dict.fromkeys(options.only_groups, 1.0))

    def own(part: int | str, label: str, chain: MixConsole) -> MixOptions:
        groups, kept = amounts[part], only[part]
        is_bus = isinstance(part, str) and part in console.buses
        left_out = bool(options.only_groups) and not kept and not is_bus
        default = 0.0 if left_out else options.amount
        try:
            found = MixOptions(
                amount=groups.pop(WHOLE, default),
                group_amounts=dict(_expanded(chain.knobs, groups)),
                only_groups=[] if WHOLE in kept else [n for n, _ in _expanded(chain.knobs, kept)],
                fixed_settings=fixed[part],
                units=units[part],
            )
            found = chain.resolve(found)
            chain.check(found)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None
        return found

    chains = _chains(console)
    return TrackOptions(
        [own(number, track.name, _strip(console)) for number, track in enumerate(inputs)],
        {bus: own(bus, bus, chains[bus]) for bus in console.buses},
        own(MASTER, MASTER, chains[MASTER]),
    )


def with_options_of_tracks(
    console: ConsoleGraph,
    knobs: GraphKnobs,
    tracks: Sequence[TrackInput],
    options: TrackOptions,
) -> GraphKnobs:
    """Knobs with amounts, then pans and leads, then fixed settings."""
    amounts = options.map(lambda own: replace(own, fixed_settings={}))
    fixed = options.map(lambda own: MixOptions(fixed_settings=own.fixed_settings))
    moved = apply_options(console, _applied(console, knobs, tracks, amounts), tracks)
    return _applied(console, moved, tracks, fixed)


def _applied(
    console: ConsoleGraph, knobs: GraphKnobs, tracks: Sequence[TrackInput], options: TrackOptions
) -> GraphKnobs:
    every = [*options.tracks, *options.buses.values(), options.master]
    if all(own == MixOptions() for own in every):
        return knobs
    strip, chains = _strip(console), _chains(console)
    settings = settings_of_tracks(console, knobs, tracks)

    def changed(values: KnobValues, own: MixOptions, chain: MixConsole) -> KnobValues:
        return apply_mix_options(values, chain.knobs, own, chain.knobs, chain.shapes)

    of_tracks = zip(settings["tracks"], options.tracks, strict=True)
    of_buses = {bus: (settings["buses"][bus], own) for bus, own in options.buses.items()}
    return console.knobs_from(
        {
            **settings,
            "tracks": [track | changed(track, own, strip) for track, own in of_tracks],
            "buses": {bus: changed(*both, chains[bus]) for bus, both in of_buses.items()},
            "master": changed(settings["master"], options.master, chains[MASTER]),
        }
    )


def _strip(console: ConsoleGraph) -> MixConsole:
    """The strip with its sends, as a console of one file."""
    knobs = {knob.name: knob for knob in console.layout.strip}
    return MixConsole(console.strip, knobs, "studio")


def _chains(console: ConsoleGraph) -> dict[str, MixConsole]:
    """Buses and master, as consoles of one file."""
    parts = {bus: cast(Console, own) for bus, own in console.buses.items()}
    parts[MASTER] = console.master
    knobs = {**console.layout.buses, MASTER: console.layout.master}
    return {
        name: MixConsole(chain, {knob.name: knob for knob in knobs[name]}, "studio")
        for name, chain in parts.items()
    }


def _scoped(
    console: ConsoleGraph, inputs: Sequence[TrackInput], option: str, values: Mapping[str, Value]
) -> dict[int | str, dict[str, Value]]:
    """Values by knob or group, of each track by its number, of each bus and the master by name."""
    parts: list[int | str] = [*range(len(inputs)), *console.buses, MASTER]
    found: dict[int | str, dict[str, Value]] = {part: {} for part in parts}
    for given, value in sorted(values.items(), key=lambda item: ":" in item[0]):
        name, colon, knob = given.rpartition(":")
        is_track = any(has_name(track, given) for track in inputs)
        if (option == "--amount" and is_track) or (option != "--set" and given == MASTER):
            name, colon, knob = given, ":", WHOLE
        own = _parts(console, inputs, option, name, knob) if colon else range(len(inputs))
        for part in own:
            found[part][knob] = value
    return found


def _parts(
    console: ConsoleGraph, inputs: Sequence[TrackInput], option: str, name: str, knob: str
) -> list[int | str]:
    """The track, bus or master with a name. A track precedes, except for a knob of a bus."""
    chains = _chains(console)
    is_track = any(has_name(track, name) for track in inputs)
    if name in chains and not (is_track and knob not in chains[name].knobs):
        return [name]
    try:
        return [find_track(inputs, option, name)]
    except ValueError as error:
        raise ValueError(f"{error}; there are also {', '.join(chains)}") from None


def _expanded(
    knobs: Mapping[str, Knob], values: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    """Values by knob: groups first, so that a knob's own value counts."""
    groups = _groups(knobs)
    for name in sorted(values, key=lambda name: name not in groups):
        if name in groups:
            yield from ((knob, values[name]) for knob in groups[name])
        elif knob_name(name, knobs) in knobs:
            yield knob_name(name, knobs), values[name]
        else:
            known = ", ".join([*groups, *knobs])
            raise ValueError(f"no group or knob {name!r}: there are {known}")


def _groups(knobs: Mapping[str, Knob]) -> dict[str, list[str]]:
    """Groups of the knobs of a strip, else those of a console of one file."""
    if FADER in knobs:
        return {
            name: [knob for knob in knobs if knob.startswith(starts)]
            for name, starts in GROUPS.items()
        }
    groups = {name: [k for k in own if k in knobs] for name, own in KNOB_GROUPS.items()}
    return {name: own for name, own in groups.items() if own}
