"""Zip files of folders."""

import zipfile
from pathlib import Path


def pack(folder: Path, out: Path) -> Path:
    """Put the files of a folder in a zip file, without compression: audio has little to gain."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return out
