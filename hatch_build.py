"""Build hook: wheels and source archives have the config files that git tracks, and no others.

Settings of the person who builds (`configs/local`) and files that are not committed stay out.
"""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONFIGS = "configs"


class TrackedConfigs(BuildHookInterface):
    """Adds the config files to what is built; an editable installation reads the folder itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are collected."""
        if version == "editable":
            return
        folder = "ai_mixer/" if self.target_name == "wheel" else ""
        for file in config_files(Path(self.root)):
            build_data["force_include"][str(Path(self.root) / file)] = folder + file


def config_files(root: Path) -> list[str]:
    """Return the tracked config files, relative to root; all of them outside a git repository.

    An unpacked source archive may lie in another repository, which does not track it.
    """
    top = _git(root, "rev-parse", "--show-toplevel").strip()
    if top and Path(top).resolve() == root.resolve():
        listed = _git(root, "ls-files", "-z", CONFIGS).split("\0")
        return sorted(file for file in listed if file and (root / file).is_file())
    files = (file for file in (root / CONFIGS).rglob("*") if file.is_file())
    return sorted(file.relative_to(root).as_posix() for file in files)


def _git(root: Path, *arguments: str) -> str:
    """Output of a git command; empty if it fails or git is not installed."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
