"""The overrides that a run was started with: read as they are stored, and fit to publish.

A run stores them as a list (`overrides.json`) and quoted for a shell (the tag `command`). The run's
description shows them to people; it is never parsed.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ai_mixer.config.renamed import translate_overrides

OVERRIDES_FILE = "overrides.json"
LOCATIONS = ("root", "manifest")  # keys of a data page that only say where the files are stored
_PATH = re.compile(r"(?:^|[^\w}])[/~\\]")  # neither `0/5` nor `${paths.data}/index`


def stored_overrides(folder: str | Path, tags: Mapping[str, Any] | None = None) -> list[str]:
    """The overrides of a training, of which `folder` holds the artifacts.

    tags: used where the file is not there. Empty if neither stores them.
    """
    try:
        stored = json.loads((Path(folder) / OVERRIDES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # moved away, or older than the file
        stored = shlex.split(str((tags or {}).get("command", "")))[2:]
    return translate_overrides("train", stored)


def is_path(value: object, key: str = "") -> bool:
    """Whether a config value is an absolute path, or holds one; or its key says that it is one."""
    if value is None:
        return False
    return key.rpartition(".")[2] in LOCATIONS or _PATH.search(str(value)) is not None


def is_location(override: str) -> bool:
    """Whether an override only says where files are stored: `paths.…`, `data.root`."""
    key = override.partition("=")[0].lstrip("+")
    return key.startswith("paths.") or key.rpartition(".")[2] in LOCATIONS


def publishable(overrides: Iterable[str]) -> list[str]:
    """The overrides without locations, and with `…` for any other value that holds a path."""
    found = []
    for override in overrides:
        key, _, value = override.partition("=")
        if not is_location(override):
            found.append(f"{key}=…" if is_path(value) else override)
    return found
