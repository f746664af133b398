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


def head(folder: Path) -> str:
    return run_git(folder, "rev-parse", "HEAD").strip()


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
    assert state.commit == head(repository)
    assert not state.dirty


def test_the_patch_restores_the_working_tree(repository: Path, tmp_path: Path) -> None:
    (repository / "old.txt").write_text("two\n")
    (repository / "new").mkdir()
    (repository / "new" / "model.py").write_text("x = 1\n")
    (repository / "secret").write_text("ignored\n")
    before = run_git(repository, "status", "--porcelain")
    state = git_state(repository)
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


def test_another_repository_around_the_project_is_not_logged(repository: Path) -> None:
    """The project, unpacked without .git, in a repository of dotfiles."""
    (repository / ".env").write_text("TOKEN=1\n")
    (repository / "old.txt").write_text("private\n")
    project = repository / "ai_mixer"
    project.mkdir()
    (project / "model.py").write_text("x = 1\n")
    assert git_state(project) is None


def test_only_a_tracked_part_of_a_repository_is_logged(repository: Path) -> None:
    (repository / "part").mkdir()
    (repository / "part" / "model.py").write_text("x = 1\n")
    run_git(repository, "add", "-A")
    run_git(repository, "commit", "-q", "-m", "part")
    (repository / "old.txt").write_text("of another project\n")
    (repository / "new.txt").write_text("of another project\n")
    assert git_state(repository / "part") == git.GitState(head(repository), "")
    (repository / "part" / "new model.py").write_text("y = 1\n")
    state = git_state(repository / "part")
    assert state is not None
    assert "+y = 1" in state.patch
    assert "another project" not in state.patch


SECRETS = [
    *(".env", ".env.local", "prod.env", "credentials.json", "db_password.txt", "id_rsa", "x.pem"),
    *("api_key.txt", "my-token.txt", ".netrc", ".aws/config", "old_secrets/a.txt", "TOKEN"),
]


def test_secrets_large_and_binary_files_are_left_out_and_listed(repository: Path) -> None:
    (repository / "tracked.key").write_text("one\n")
    run_git(repository, "add", "-f", "tracked.key")
    run_git(repository, "commit", "-q", "-m", "key")
    for name in (*SECRETS, "tracked.key", "secret"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("PRIVATE\n")
    (repository / "large.txt").write_text("PRIVATE\n" * 200_000)
    (repository / "song.wav").write_bytes(b"RIFF\0\0PRIVATE")
    (repository / "nested").mkdir()
    run_git(repository / "nested", "init", "-q")
    (repository / "tokenizer.py").write_text("x = 1\n")
    state = git_state(repository)
    assert state is not None
    assert "PRIVATE" not in state.patch
    assert "+x = 1" in state.patch
    listed = [line for line in state.patch.splitlines() if line.startswith("# left out: ")]
    for name in (*SECRETS, "tracked.key", "large.txt", "song.wav"):
        assert any(repr(name) in line for line in listed), name
    assert not any("'secret'" in line for line in listed)  # ignored


def test_the_default_is_the_checkout_of_this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert git.project_folder() == Path(__file__).parents[2]
    monkeypatch.setattr(git, "__file__", "/usr/lib/python3/site-packages/ai_mixer/tracking/git.py")
    assert git.project_folder() is None
    assert git_state() is None


def test_no_state_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git_state(tmp_path) is None


def test_no_state_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) is None
