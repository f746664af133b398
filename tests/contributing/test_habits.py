"""The git hooks are what CI runs, neither more nor less."""

import os
import re
import shutil
import subprocess

import pytest
import yaml

from ai_mixer.config.folder import config_folder

ROOT = config_folder().parent
PAGE = ROOT / ".pre-commit-config.yaml"
ON_COMMIT, ON_PUSH = "pre-commit", "pre-push"


def hooks(stage):
    """The commands of one stage, in order."""
    page = yaml.safe_load(PAGE.read_text())
    every = [hook for repo in page["repos"] for hook in repo["hooks"]]
    return [h["entry"] for h in every if stage in h.get("stages", page["default_stages"])]


def ci_targets():
    return re.findall(r"^make (\S+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_on_commit_what_make_check_runs(tmp_path):
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


def test_ci_runs_the_checks_and_what_is_run_on_push():
    assert [f"make {target}" for target in ci_targets()] == ["make check", *hooks(ON_PUSH)]


def test_no_hook_comes_from_elsewhere():
    """What runs is the version in .venv, as in CI, and nothing is fetched to commit."""
    repos = yaml.safe_load(PAGE.read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    for hook in repos[0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False


def test_pre_commit_understands_the_page():
    clientlib = pytest.importorskip("pre_commit.clientlib", reason="part of the extra `dev`")
    assert clientlib.load_config(str(PAGE))["default_install_hook_types"] == [ON_COMMIT, ON_PUSH]
