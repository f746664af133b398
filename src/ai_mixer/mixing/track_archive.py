"""Zip files with the tracks of a song, unpacked into a temporary folder while they are used."""

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ai_mixer.audio.open_audio import SUFFIXES
from ai_mixer.utils.unfinished import temporary_folder

SUFFIX = ".zip"
MAX_ENTRIES = 1000
MAX_UNPACKED_BYTES = 8 << 30  # 64 stereo tracks of five minutes at 48 kHz in float32
METADATA_SUFFIX = ".yaml"  # roles of tracks, see `data.track_layouts`
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, lzma.LZMAError)


def is_archive(path: Path) -> bool:
    """Whether a path is named as a zip file."""
    return path.suffix.lower() == SUFFIX and not path.is_dir()


@contextmanager
def unpacked_archives(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield the paths with a temporary folder in place of each zip file.

    Only audio files and metadata are unpacked; hidden files and those of macOS are ignored.
    ValueError (one line) for a file that is no zip file, is damaged or encrypted, has more than
    MAX_ENTRIES entries or MAX_UNPACKED_BYTES, or names that lead out of it. Errors of the block
    that name a file of the temporary folder name the zip file instead.
    """
    if not any(map(is_archive, paths)):
        yield list(paths)
        return
    with temporary_folder() as root:
        folders = {
            path: root / str(number) / path.stem
            for number, path in enumerate(paths)
            if is_archive(path)
        }
        for path, folder in folders.items():
            _unpack(path, folder)
        try:
            yield [folders.get(path, path) for path in paths]
        except (ValueError, OSError) as error:
            text = str(error)
            for path, folder in folders.items():
                text = text.replace(str(folder), str(path))
            if text != str(error):
                raise ValueError(text) from error
            raise


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as source:
            if len(source.infolist()) > MAX_ENTRIES:
                raise ValueError(
                    f"{archive}: has {len(source.infolist())} entries, the limit is {MAX_ENTRIES}: "
                    "put only the tracks in it"
                )
            chosen = [entry for entry in source.infolist() if _is_wanted(entry)]
            places = [_place(archive, folder, entry) for entry in chosen]
            _check_sizes(archive, folder, chosen)
            for entry, place in zip(chosen, places, strict=True):
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.exists():
                    raise ValueError(f"{archive}: has {entry.filename} twice: pack it again")
                # ZipExtFile ends at the declared size, which was checked.
                with source.open(entry) as packed, place.open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, 1 << 20)
    except _DAMAGE as error:
        raise ValueError(f"{archive}: cannot be unpacked ({error}): pack it again") from error


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a track or metadata, and not a hidden file or one of macOS."""
    parts = _parts(entry.filename)
    hidden = any(part == "__MACOSX" or (part.strip(".") and part[0] == ".") for part in parts)
    suffix = Path(parts[-1]).suffix.lower() if parts else ""
    return not (entry.is_dir() or hidden) and suffix in {*SUFFIXES, METADATA_SUFFIX}


def _place(archive: Path, folder: Path, entry: zipfile.ZipInfo) -> Path:
    """File of an entry inside the folder. ValueError for names that lead out of it, and links."""
    parts = _parts(entry.filename)
    absolute = entry.filename[:1] in "/\\" or ":" in parts[0]
    if absolute or ".." in parts or stat.S_ISLNK(entry.external_attr >> 16):
        raise ValueError(f"{archive}: {entry.filename!r} leads out of the file: pack it again")
    if entry.flag_bits & 1:
        raise ValueError(f"{archive}: is encrypted: unpack it, and give the folder")
    return folder.joinpath(*parts)


def _parts(name: str) -> list[str]:
    """Parts of a name, also with the separators of Windows."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _check_sizes(archive: Path, folder: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    if not entries:
        raise ValueError(f"{archive}: no audio files in it")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"{archive}: unpacks to {total / 1e9:.1f} GB, the limit is "
            f"{MAX_UNPACKED_BYTES / 1e9:.1f} GB: unpack it, and give the folder"
        )
    folder.mkdir(parents=True)
    free = shutil.disk_usage(folder).free
    if total > free:
        raise ValueError(
            f"{archive}: unpacks to {total / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in "
            f"{folder.parents[2]}: set TMPDIR to a larger disk"
        )
