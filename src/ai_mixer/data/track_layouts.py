"""Folders of multitrack songs: which folder is a song, and which of its files are tracks.

Folders of tracks as people keep them, and the layouts of public collections: MUSDB18-HQ
(`Song/{drums,bass,other,vocals,mixture}.wav`), MedleyDB (`Song/Song_STEMS/`, `Song_RAW/`,
`Song_MIX.wav`), Slakh2100 (`Track00001/stems/S00.flac`, metadata.yaml), MoisesDB
(`song/drums/<id>.wav`, data.json), Cambridge-MT (raw tracks, and a mix in the same folder).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from ai_mixer.audio.open_audio import SUFFIXES
from ai_mixer.core.roles import role_from_name, role_from_program
from ai_mixer.core.track import Track
from ai_mixer.data.audio_files import find_audio_files

_MIX = re.compile(
    r"(^|[\W_])(full ?mix|mix ?down|mix(ture)?|(un)?master(ed)?(wav)?|preview)$", re.IGNORECASE
)
_STEMS = re.compile(r"(^|_)(stems|tracks|multitracks?)$", re.IGNORECASE)
_RAW = re.compile(r"(^|_)raw$", re.IGNORECASE)
_OTHER_RENDERINGS = re.compile(r"^(midi|preview|references?)$", re.IGNORECASE)


class SongFolder(NamedTuple):
    """A song with its tracks in order of their paths. mix: file of the finished mix, if any."""

    folder: Path
    tracks: tuple[Track, ...]
    mix: Path | None


def find_song_folders(root: Path) -> Iterator[SongFolder]:
    """Songs below a folder, ordered by path. The folder itself is one if it has tracks in it."""
    own = [path for path in _entries(root) if path.suffix.lower() in SUFFIXES]
    folders = [path for path in _entries(root) if path.is_dir()]
    if any(not is_mix(path) for path in own) or _holds_tracks(folders):
        if (song := read_song_folder(root)).tracks:
            yield song
        return
    for folder in folders:
        yield from find_song_folders(folder)


def read_song_folder(folder: Path) -> SongFolder:
    """The tracks of one song. Of stems and raw recordings, the stems."""
    folders = [path for path in _entries(folder) if path.is_dir()]
    for pattern in (_STEMS, _RAW):
        chosen = [path for path in folders if pattern.search(path.name)]
        if chosen:
            break
    everything = find_audio_files([folder]).audio
    files = find_audio_files(chosen).audio if chosen else everything
    mixes = [path for path in everything if is_mix(path)]
    kept = [
        path
        for path in files
        if path not in mixes
        and not any(_OTHER_RENDERINGS.match(part) for part in path.relative_to(folder).parts[:-1])
    ]
    base = chosen[0] if len(chosen) == 1 else folder
    described = _described_roles(folder)
    tracks = (_track(path, path.relative_to(base), described) for path in kept)
    return SongFolder(folder, tuple(tracks), mixes[0] if mixes else None)


def is_mix(path: Path) -> bool:
    """Whether a file is named as a mix of all tracks.

    >>> [is_mix(Path(name)) for name in ("Song_MIX.wav", "mixture.wav", "drum mix.wav", "kick.wav")]
    [True, True, False, False]
    """
    return bool(_MIX.search(path.stem)) and role_from_name(path.stem) is None


def _track(path: Path, name: Path, described: dict[str, str]) -> Track:
    role = described.get(path.stem) or role_from_name(path.stem)
    folders = reversed(name.parts[:-1])  # drums/<id>.wav
    role = role or next((r for part in folders if (r := role_from_name(part))), None)
    return Track(name.with_suffix("").as_posix(), path, role)


def _holds_tracks(folders: list[Path]) -> bool:
    """Whether these folders are parts of one song: stems, or one folder for each role."""
    if any(_STEMS.search(path.name) or _RAW.search(path.name) for path in folders):
        return True
    return len(folders) > 1 and all(role_from_name(path.name) for path in folders)


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _described_roles(folder: Path) -> dict[str, str]:
    """File name without suffix → role, from the metadata of Slakh or MedleyDB, if there are any."""
    files = [folder / "metadata.yaml", *folder.glob("*_METADATA.yaml")]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return {}
    try:
        content: Any = OmegaConf.to_container(OmegaConf.load(file))
        stems = content["stems"].items()
    except Exception as error:  # parsers raise many types
        raise ValueError(f"{file}: not readable as metadata of stems ({error})") from error
    roles: dict[str, str] = {}
    for key, stem in stems:
        name = Path(str(stem.get("filename", key))).stem
        if "program_num" in stem:
            channel = 9 if stem.get("is_drum") else 0
            roles[name] = role_from_program(min(int(stem["program_num"]), 127), channel)
        elif role := role_from_name(str(stem.get("instrument", ""))):
            roles[name] = role
    return roles
