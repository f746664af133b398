"""Commit and patch of a working tree."""

import subprocess
from pathlib import Path

import pytest

from ai_mixer.tracking import git
from ai_mixer.tracking.git import git_state


def run_git(folder: Path, *arguments: str) -> str:
    names = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "core.hooksPath=/dev/null"]
    command = ["git", "-C", str(folder), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    root.mkdir()
    run_git(root, "init", "-q")
    (root / "old.txt").write_text("one\n")
    (root / ".gitignore").write_text("secret\n")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-q", "-m", "first")
    return root


def test_a_clean_tree_has_no_patch(repository: Path) -> None:
    state = git_state(repository)
    assert state is not None
    assert state.commit == run_git(repository, "rev-parse", "HEAD").strip()
    assert not state.dirty


def test_the_patch_restores_the_working_tree(repository: Path, tmp_path: Path) -> None:
    (repository / "old.txt").write_text("two\n")
    (repository / "new").mkdir()
    (repository / "new" / "model.py").write_text("x = 1\n")
    (repository / "secret").write_text("ignored\n")
    before = run_git(repository, "status", "--porcelain")
    state = git_state(repository / "new")
    assert state is not None
    assert state.dirty
    assert run_git(repository, "status", "--porcelain") == before  # nothing was staged

    copy = tmp_path / "copy"
    run_git(tmp_path, "clone", "-q", str(repository), str(copy))
    (tmp_path / "git.patch").write_text(state.patch)
    run_git(copy, "apply", str(tmp_path / "git.patch"))
    assert (copy / "old.txt").read_text() == "two\n"
    assert (copy / "new" / "model.py").read_text() == "x = 1\n"
    assert not (copy / "secret").exists()


def test_a_too_long_patch_is_not_stored(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "MAX_PATCH_BYTES", 10)
    (repository / "old.txt").write_text("two, and longer\n")
    state = git_state(repository)
    assert state is not None
    assert state.dirty
    assert "too long" in state.patch


def test_no_state_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git_state(tmp_path) is None


def test_no_state_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) is None
