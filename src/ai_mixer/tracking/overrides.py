"""Read the stored overrides of a run, and remove local paths from them for publication.

A run stores them as a list (`overrides.json`) and as a shell command (the tag `command`). They are
also in the run's description, which is never parsed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ai_mixer.config.renamed import translate_overrides
from ai_mixer.config.stage_command import command_overrides

OVERRIDES_FILE = "overrides.json"
LOCATIONS = ("root", "manifest")  # keys of a data config that have locations of files
_PATH = re.compile(r"(?:^|[^\w}])[/~\\]")  # neither `0/5` nor `${paths.data}/index`


def stored_overrides(folder: str | Path, tags: Mapping[str, Any] | None = None) -> list[str]:
    """Return the overrides of the run with the artifact folder `folder`.

    tags: used if the file is missing. Empty if neither has them.
    """
    try:
        stored = json.loads((Path(folder) / OVERRIDES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing, or written by an older version
        stored = command_overrides(str((tags or {}).get("command", "")))
    return translate_overrides("train", stored)


def is_path(value: object, key: str = "") -> bool:
    """Return whether a config value is or contains an absolute path, or its key is a location."""
    if value is None:
        return False
    return key.rpartition(".")[2] in LOCATIONS or _PATH.search(str(value)) is not None


def is_location(override: str) -> bool:
    """Return whether an override sets the location of files: `paths.…`, `data.root`."""
    key = override.partition("=")[0].lstrip("+")
    return key.startswith("paths.") or key.rpartition(".")[2] in LOCATIONS


def publishable(overrides: Iterable[str]) -> list[str]:
    """Return the overrides without locations, and with `…` for other values with a path."""
    public = []
    for override in overrides:
        key, _, value = override.partition("=")
        if not is_location(override):
            public.append(f"{key}=…" if is_path(value) else override)
    return public
