"""Which code a run was made with: commit, and the patch on top of it."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

MAX_PATCH_BYTES = 5_000_000


@dataclass(frozen=True)
class GitState:
    """The state of a working tree. `patch` turns the commit into it, new files included."""

    commit: str
    patch: str

    @property
    def dirty(self) -> bool:
        """Whether the working tree differs from the commit."""
        return bool(self.patch)


def git_state(folder: str | Path = ".") -> GitState | None:
    """The state of the repository `folder` lies in; None without git, repository or commit."""
    root = _git(folder, "rev-parse", "--show-toplevel").strip()
    commit = _git(folder, "rev-parse", "HEAD").strip() if root else ""
    return GitState(commit, _patch(Path(root))) if commit else None


def _patch(root: Path) -> str:
    """Difference to the last commit. A copied index makes git see new files; yours is untouched."""
    index = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-path", "index").strip())
    with tempfile.TemporaryDirectory() as folder:
        if index.is_file():
            shutil.copy(index, Path(folder) / "index")
        seen = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "add", "--intent-to-add", "--all", ".", **seen)
        patch = _git(root, "diff", "HEAD", "--no-ext-diff", "--no-color", **seen)
    if len(patch) > MAX_PATCH_BYTES:
        return f"# {len(patch):,} characters of changes: too long to keep, commit your work\n"
    return patch


def _git(folder: str | Path, *words: str, **environment: str) -> str:
    """What git prints, or nothing if it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **environment},
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
