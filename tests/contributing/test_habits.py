"""The git hooks run the same commands as CI."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from ai_mixer.config.folder import config_folder

ROOT = config_folder().parent
HOOKS_FILE = ROOT / ".pre-commit-config.yaml"
ON_COMMIT, ON_PUSH = "pre-commit", "pre-push"


def hooks(stage):
    """The commands of one stage, in order."""
    config = yaml.safe_load(HOOKS_FILE.read_text())
    all_hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    return [h["entry"] for h in all_hooks if stage in h.get("stages", config["default_stages"])]


def ci_targets():
    return re.findall(r"^make (\S+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_commit_hooks_are_the_commands_of_make_check(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").touch()  # looks installed
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-n", "check"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == hooks(ON_COMMIT)


def test_ci_runs_make_check_and_the_push_hooks():
    assert [f"make {target}" for target in ci_targets()] == ["make check", *hooks(ON_PUSH)]


def test_hooks_are_local():
    """They use the versions in .venv, as in CI, and download nothing."""
    repos = yaml.safe_load(HOOKS_FILE.read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    for hook in repos[0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False


def test_pre_commit_loads_the_config():
    clientlib = pytest.importorskip("pre_commit.clientlib", reason="part of the extra `dev`")
    assert clientlib.load_config(str(HOOKS_FILE))["default_install_hook_types"] == [
        ON_COMMIT,
        ON_PUSH,
    ]
