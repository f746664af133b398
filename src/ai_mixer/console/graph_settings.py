"""Settings of a graph in physical units, as JSON that a person can read and edit.

    {"version": 1, "console": "studio",
     "tracks": [{"name": "kick", "role": "drums", "fader_db": -3.0, "pan": 0.2}],
     "buses": {"reverb": {"decay_s": 1.5}},
     "master": {"level": 1.0}}

What is missing is neutral. `name` and `role` of a track are optional.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai_mixer.console.graph_knobs import GraphKnobs, KnobLayout
from ai_mixer.console.knob_positions import positions_from, settings_of
from ai_mixer.core.knob import Knob
from ai_mixer.core.track import MAX_TRACKS, ROLES

VERSION = 1
SECTIONS = ("version", "console", "tracks", "buses", "master")

GraphSettings = dict[str, Any]
"""Settings of one song."""


class LoadedSettings(NamedTuple):
    """Content of settings of B songs with up to N tracks.

    mask: [B, N] bool, False where a song has fewer tracks. roles: [B, N], index into `ROLES` or −1.
    names: per song and track, "" if it has none.
    """

    knobs: GraphKnobs
    mask: Tensor
    roles: Tensor
    names: list[list[str]]


def to_settings(
    layout: KnobLayout,
    console: str,
    knobs: GraphKnobs,
    mask: Tensor,
    names: Sequence[Sequence[str]] | None = None,
    roles: Tensor | None = None,
) -> list[GraphSettings]:
    """Settings of each song; absent tracks are left out."""
    knobs = GraphKnobs(*(torch.as_tensor(part).detach().cpu().double() for part in knobs))
    sizes = [len(own) for own in layout.buses.values()]
    songs = []
    for song, (strips, buses, master) in enumerate(zip(*knobs, strict=True)):
        tracks = [
            _description(names, roles, song, track) | values
            for track, values in enumerate(settings_of(layout.strip, strips))
            if mask[song, track]
        ]
        parts = zip(layout.buses.items(), buses[None].split(sizes, dim=1), strict=True)
        songs.append(
            {
                "version": VERSION,
                "console": console,
                "tracks": tracks,
                "buses": {bus: settings_of(own, values)[0] for (bus, own), values in parts},
                "master": settings_of(layout.master, master[None])[0],
            }
        )
    return songs


def from_settings(
    layout: KnobLayout, console: str, settings: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> LoadedSettings:
    """Read settings of one song or several.

    ValueError in one line that names what is unknown, missing, of a wrong type or out of range.
    """
    songs = [settings] if isinstance(settings, Mapping) else list(settings)
    if not songs:
        raise ValueError("settings of no song")
    for song in songs:
        _check_sections(song, console)
    count = max(len(song["tracks"]) for song in songs)
    neutral = [knob.neutral_position for knob in layout.strip]
    strips = [
        [*_strips(layout, song), *[neutral] * (count - len(song["tracks"]))] for song in songs
    ]
    buses = [list(_buses(layout, song.get("buses", {}))) for song in songs]
    master = [_positions("master", layout.master, song.get("master", {})) for song in songs]
    tracks = [[*song["tracks"], *[{}] * (count - len(song["tracks"]))] for song in songs]
    return LoadedSettings(
        GraphKnobs(
            torch.tensor(strips).reshape(len(songs), count, len(layout.strip)),
            torch.tensor(buses).reshape(len(songs), -1),
            torch.tensor(master).reshape(len(songs), -1),
        ),
        torch.tensor([[n < len(song["tracks"]) for n in range(count)] for song in songs]),
        torch.tensor([[_role(n, track) for n, track in enumerate(own)] for own in tracks]),
        [[str(track.get("name", "")) for track in song["tracks"]] for song in songs],
    )


def _description(
    names: Sequence[Sequence[str]] | None, roles: Tensor | None, song: int, track: int
) -> dict[str, Any]:
    """Name and role of a track, where they are known."""
    name = names[song][track] if names else ""
    role = int(roles[song, track]) if roles is not None else -1
    return ({"name": name} if name else {}) | ({"role": ROLES[role]} if role >= 0 else {})


def _check_sections(song: Mapping[str, Any], console: str) -> None:
    if not isinstance(song, Mapping):
        raise ValueError(f"settings must be a mapping, got {type(song).__name__}")
    unknown = sorted(set(song) - set(SECTIONS))
    if unknown:
        raise ValueError(f"no section {unknown[0]!r} in settings: there is {', '.join(SECTIONS)}")
    version = song.get("version", VERSION)
    if version != VERSION:
        raise ValueError(f"settings of version {version!r}: this version reads {VERSION}")
    if song.get("console", console) != console:
        raise ValueError(f"settings of console {song['console']!r}: this is {console!r}")
    tracks = song.get("tracks")
    if not isinstance(tracks, Sequence) or isinstance(tracks, str):
        raise ValueError(f"tracks must be a list, got {tracks!r}")
    if not 1 <= len(tracks) <= MAX_TRACKS:
        raise ValueError(f"tracks: needs 1–{MAX_TRACKS} tracks, got {len(tracks)}")


def _strips(layout: KnobLayout, song: Mapping[str, Any]) -> Iterator[list[float]]:
    for number, track in enumerate(song["tracks"]):
        own = track
        if isinstance(track, Mapping):
            own = {name: value for name, value in track.items() if name not in {"name", "role"}}
        yield _positions(f"tracks[{number}]", layout.strip, own)


def _buses(layout: KnobLayout, buses: Mapping[str, Any]) -> Iterator[float]:
    if not isinstance(buses, Mapping):
        raise ValueError(f"buses must be a mapping, got {buses!r}")
    unknown = sorted(set(buses) - set(layout.buses))
    if unknown:
        known = ", ".join(layout.buses) or "none"
        raise ValueError(f"no bus named {unknown[0]!r}: there is {known}")
    for bus, knobs in layout.buses.items():
        yield from _positions(f"buses.{bus}", knobs, buses.get(bus, {}))


def _positions(place: str, knobs: Sequence[Knob], settings: object) -> list[float]:
    if not isinstance(settings, Mapping):
        raise ValueError(f"{place} must be a mapping of knobs, got {settings!r}")
    try:
        return positions_from(knobs, settings)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _role(number: int, track: Mapping[str, Any]) -> int:
    role = track.get("role")
    if role is None:
        return -1
    if role not in ROLES:
        raise ValueError(f"tracks[{number}]: no role named {role!r}: there is {', '.join(ROLES)}")
    return ROLES.index(role)
