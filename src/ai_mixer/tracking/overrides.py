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
TRAINING_GROUPS = (
    *("paths", "callbacks", "trainer", "optimizer", "scheduler"),
    *("evaluate", "render"),
)
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


def publishable_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's config without the groups that only training needs, and without paths."""
    return {k: _without_paths(v, k) for k, v in config.items() if k not in TRAINING_GROUPS}


def _without_paths(value: Any, key: str) -> Any:
    """Locations become None, other paths are reduced to a name."""
    if isinstance(value, dict):
        return {name: _without_paths(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_paths(item, key) for item in value]
    if not is_path(value, key):
        return value
    return None if key in LOCATIONS else Path(value).name
