"""Fetch an archive over HTTP: with progress, on from where it broke off, and checked at the end."""

import fcntl
import hashlib
import http.client
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ai_mixer.utils.disk_errors import reraise_disk_full
from ai_mixer.utils.progress import byte_progress

BLOCK_BYTES = 1 << 20  # bytes between two looks at the progress
TIMEOUT_S = 60.0  # without a byte, before a connection counts as lost
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416  # a server's answers to "from this byte on"


def fetch(url: str, checksum: str, folder: Path) -> Path:
    """Fetch `url` into `folder`, unless it is there. Returns the file.

    checksum: `md5:…`, `sha1:…` or `sha256:…`, of the whole. What arrives lies in `<name>.part`
    until it is complete and has that checksum; a second call asks only for what is missing. Calls
    at the same time wait for each other, since all of them append to that file.
    ValueError, in one line, if server, checksum or room on the disk do not allow it.
    """
    target = folder / Path(urlsplit(url).path).name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return target if target.is_file() else _fetch_alone(url, checksum, target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """For one process or thread at a time; the kernel unlocks it where a process dies."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # network file systems may have no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fetch_alone(url: str, checksum: str, target: Path) -> Path:
    part = target.with_name(f"{target.name}.part")
    try:
        _fetch_rest(url, part)
    except (HTTPError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise ValueError(f"{url}: {error or type(error).__name__}{_resume_hint(part)}") from error
    except OSError as error:
        if error.errno is not None:  # the disk's, and says so itself
            raise
        raise ValueError(f"{url}: {getattr(error, 'reason', error)}{_resume_hint(part)}") from error
    found = _digest(part, checksum.partition(":")[0])
    if found != checksum:
        part.unlink()
        raise ValueError(f"{url}: has the checksum {found}, not {checksum}: it was thrown away")
    return part.replace(target)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip below `folder`; files that are there in their full size are left alone.

    ValueError if it is no zip, is damaged, or there is no room for it.
    """
    try:
        with zipfile.ZipFile(archive) as files:
            members = [member for member in files.infolist() if not member.is_dir()]
            missing = [member for member in members if not _is_extracted(folder, member)]
            total = sum(member.file_size for member in missing)
            folder.mkdir(parents=True, exist_ok=True)
            _check_disk_space(folder, total)
            with (
                reraise_disk_full(folder),
                byte_progress(f"unpacking {archive.name}", total) as done,
            ):
                for member in missing:
                    files.extract(member, folder)
                    done(member.file_size)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{archive}: cannot be unpacked ({error}): fetch it again") from error


def format_size(count: float) -> str:
    """Bytes as people read them.

    >>> format_size(7.2e9), format_size(4e6)
    ('7.2 GB', '4 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _fetch_rest(url: str, part: Path) -> None:
    """Append to `part` what it lacks."""
    have = part.stat().st_size if part.is_file() else 0
    asked = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(asked, timeout=TIMEOUT_S)
    except HTTPError as error:
        if have and error.code == RANGE_NOT_SATISFIABLE:
            return
        raise
    with answer:
        if answer.status != PARTIAL_CONTENT:  # it gives the whole, whatever it was asked for
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else 0
        _check_disk_space(part.parent, total - have)
        with (
            reraise_disk_full(part),
            part.open("ab" if have else "wb") as file,
            byte_progress(f"fetching {url}", total, have) as done,
        ):
            while block := answer.read(BLOCK_BYTES):
                file.write(block)
                done(len(block))
    arrived = part.stat().st_size
    if arrived < total:
        raise ConnectionError("the connection ended early")


def _resume_hint(part: Path) -> str:
    have = part.stat().st_size if part.is_file() else 0
    return (
        f"; {format_size(have)} are kept, and the same command goes on from there" if have else ""
    )


def _check_disk_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"{folder}: needs {format_size(needed)} of disk, {format_size(free)} are free"
        )


def _is_extracted(folder: Path, member: zipfile.ZipInfo) -> bool:
    file = folder / member.filename
    return file.is_file() and file.stat().st_size == member.file_size


def _digest(file: Path, kind: str) -> str:
    with file.open("rb") as opened:
        return f"{kind}:{hashlib.file_digest(opened, kind).hexdigest()}"
