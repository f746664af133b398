"""Resumable HTTP download of archives, with progress and checksum."""

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

BLOCK_BYTES = 1 << 20  # per progress update
TIMEOUT_S = 60.0  # without data, until a connection counts as lost
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416  # HTTP status of range requests


def fetch(url: str, checksum: str, folder: Path) -> Path:
    """Download `url` into `folder`, unless the file exists. Returns the file.

    checksum: `md5:…`, `sha1:…` or `sha256:…` of the file. Data is written to `<name>.part` until it
    is complete and verified; a second call requests only the missing bytes. Concurrent calls wait
    for each other, since they append to the same file. Raises ValueError if the server fails, the
    checksum differs or the disk is too full.
    """
    target = folder / Path(urlsplit(url).path).name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return target if target.is_file() else _fetch_alone(url, checksum, target)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock of the folder; the kernel releases it if the process ends."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fetch_alone(url: str, checksum: str, target: Path) -> Path:
    part = target.with_name(f"{target.name}.part")
    try:
        _fetch_remaining(url, part)
    except (HTTPError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
        raise ValueError(f"{url}: {error or type(error).__name__}{_resume_hint(part)}") from error
    except OSError as error:
        if error.errno is not None:  # an error of the disk: its message is complete
            raise
        raise ValueError(f"{url}: {getattr(error, 'reason', error)}{_resume_hint(part)}") from error
    actual = _digest(part, checksum.partition(":")[0])
    if actual != checksum:
        part.unlink()
        raise ValueError(f"{url}: checksum {actual} is not {checksum}: deleted the download")
    return part.replace(target)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip file into `folder`; files that exist in their full size are not overwritten.

    Raises ValueError if it is not a zip file, is damaged, or the disk is too full.
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
                byte_progress(f"unpacking {archive.name}", total) as advance,
            ):
                for member in missing:
                    files.extract(member, folder)
                    advance(member.file_size)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{archive}: cannot be unpacked ({error}): download it again") from error


def format_size(count: float) -> str:
    """Format a number of bytes.

    >>> format_size(7.2e9), format_size(4e6)
    ('7.2 GB', '4 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _fetch_remaining(url: str, part: Path) -> None:
    """Append the missing bytes to `part`."""
    size = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"Range": f"bytes={size}-"} if size else {})
    try:
        response = urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if size and error.code == RANGE_NOT_SATISFIABLE:  # complete
            return
        raise
    with response:
        if response.status != PARTIAL_CONTENT:  # the server ignored the range
            size = 0
        length = response.headers.get("Content-Length")
        total = size + int(length) if length else 0
        _check_disk_space(part.parent, total - size)
        with (
            reraise_disk_full(part),
            part.open("ab" if size else "wb") as file,
            byte_progress(f"downloading {url}", total, size) as advance,
        ):
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                advance(len(block))
    if part.stat().st_size < total:
        raise ConnectionError("the connection was closed early")


def _resume_hint(part: Path) -> str:
    size = part.stat().st_size if part.is_file() else 0
    return f"; {format_size(size)} downloaded: repeat the command to resume" if size else ""


def _check_disk_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"{folder}: needs {format_size(needed)} of disk space, {format_size(free)} are free"
        )


def _is_extracted(folder: Path, member: zipfile.ZipInfo) -> bool:
    file = folder / member.filename
    return file.is_file() and file.stat().st_size == member.file_size


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
