"""State of the code of a run: commit, and the patch of uncommitted changes of this project.

Runs are shared, so the patch has no file that is not of this project, is ignored by git, is large
or binary, or has the name of a secret; it lists what was left out.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

MAX_PATCH_BYTES = 1_000_000
MAX_FILE_BYTES = 1_000_000
MAX_FILES = 1000
SECRET_NAMES = (
    *(".env*", "*.env", "*secret*", "*credential*", "*passw*", "*api[-_.]key*", "*apikey*"),
    *("token", "token.*", "tokens.*", "*[-_.]token", "*[-_.]token.*", "*[-_.]tokens.*"),
    *("*private[-_.]key*", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.gpg", "*.asc"),
    *(".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc", ".htpasswd", ".boto", ".s3cfg"),
    *(".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker"),
)
"""Patterns of names of files and folders, in lower case."""


@dataclass(frozen=True)
class GitState:
    """State of a project: `patch` has the changes since the commit, new files included."""

    commit: str
    patch: str

    @property
    def dirty(self) -> bool:
        """Whether the project differs from the commit."""
        return bool(self.patch)


def project_folder() -> Path | None:
    """Return the checkout that this package runs from; None if it is installed elsewhere."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "pyproject.toml").is_file() and (root / "src").is_dir() else None


def git_state(folder: str | Path | None = None) -> GitState | None:
    """Return the state of a project, by default of `project_folder`.

    None without git, repository or commit, or if `folder` is neither the root of the repository nor
    tracked by it: then the repository is another project, which the folder happens to be in.
    """
    project = project_folder() if folder is None else Path(folder).resolve()
    top = _git(project, "rev-parse", "--show-toplevel").strip() if project else ""
    if project is None or not top or not project.is_relative_to(top):
        return None
    root = Path(top)
    part = project.relative_to(root).as_posix()
    commit = _git(root, "rev-parse", "HEAD").strip()
    if not commit or (part != "." and not _git(root, "ls-files", "--", part)):
        return None
    patch = _patch(root, part).encode(errors="surrogateescape").decode(errors="replace")
    return GitState(commit, patch)


def _patch(root: Path, part: str) -> str:
    """Difference of a part of the repository to the last commit, after a list of what it lacks.

    New files are added to a copy of the index only.
    """
    changed = _names(_git(root, "diff", "--name-only", "-z", "--no-renames", "HEAD", "--", part))
    new = _names(_git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", part))
    left_out = {name: reason for name in (*changed, *new) if (reason := _reason(root, name))}
    index = Path(_git(root, "rev-parse", "--path-format=absolute", "--git-path", "index").strip())
    with tempfile.TemporaryDirectory() as folder:
        if index.is_file():
            shutil.copy(index, Path(folder) / "index")
        environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        kept = [name for name in new if name not in left_out][:MAX_FILES]
        if kept:
            _git(root, "add", "--intent-to-add", "--", *kept, **environment)
        kept += [name for name in changed if name not in left_out]
        if len(kept) > MAX_FILES:
            return f"# {len(kept):,} changed files: too many to store, commit your work\n"
        text = ("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")
        for name in _binary(_git(root, *text, "--numstat", "-z", "--", *kept, **environment)):
            left_out[name] = "binary"
        kept = [name for name in kept if name not in left_out]
        patch = _git(root, *text, "--", *kept, **environment) if kept else ""
    if len(patch) > MAX_PATCH_BYTES:
        patch = f"# {len(patch):,} characters of changes: too long to store, commit your work\n"
    return "".join(f"# left out: {n!r} ({left_out[n]})\n" for n in sorted(left_out)) + patch


def _reason(root: Path, name: str) -> str:
    """Why a file is left out; empty if it is not."""
    if name.endswith("/"):
        return "another repository"
    if any(fnmatch(part.lower(), p) for part in Path(name).parts for p in SECRET_NAMES):
        return "the name of a secret"
    try:
        size = (root / name).lstat().st_size
    except OSError:  # deleted
        return ""
    return f"{size / 1e6:.1f} MB" if size > MAX_FILE_BYTES else ""


def _names(text: str) -> list[str]:
    return [name for name in text.split("\0") if name]


def _binary(numstat: str) -> Iterable[str]:
    """Names of the binary files in the output of `git diff --numstat -z`."""
    rows = (line.split("\t", 2) for line in _names(numstat))
    return [row[2] for row in rows if row[0] == "-"]


def _git(folder: str | Path, *arguments: str, **environment: str) -> str:
    """Output of a git command; empty if it fails or git is not installed. Pathspecs are literal."""
    options = {"GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1", **environment}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            env={**os.environ, **options},
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else ""
