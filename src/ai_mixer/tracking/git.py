"""State of the code of a run: commit, and the patch of uncommitted changes."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

MAX_PATCH_BYTES = 5_000_000


@dataclass(frozen=True)
class GitState:
    """State of a working tree: `patch` has the changes since the commit, new files included."""

    commit: str
    patch: str

    @property
    def dirty(self) -> bool:
        """Whether the working tree differs from the commit."""
        return bool(self.patch)


def git_state(folder: str | Path = ".") -> GitState | None:
    """Return the state of the repository of `folder`; None without git, repository or commit."""
    root = _git(folder, "rev-parse", "--show-toplevel").strip()
    commit = _git(folder, "rev-parse", "HEAD").strip() if root else ""
    return GitState(commit, _patch(Path(root))) if commit else None


def _patch(root: Path) -> str:
    """Difference to the last commit. New files are added to a copy of the index only."""
    index = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-path", "index").strip())
    with tempfile.TemporaryDirectory() as folder:
        if index.is_file():
            shutil.copy(index, Path(folder) / "index")
        environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "add", "--intent-to-add", "--all", ".", **environment)
        patch = _git(root, "diff", "HEAD", "--no-ext-diff", "--no-color", **environment)
    if len(patch) > MAX_PATCH_BYTES:
        return f"# {len(patch):,} characters of changes: too long to store, commit your work\n"
    return patch


def _git(folder: str | Path, *arguments: str, **environment: str) -> str:
    """Output of a git command; empty if it fails or git is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **environment},
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
