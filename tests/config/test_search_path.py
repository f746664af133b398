"""Config files that sweeps write are options, and do not change the working tree."""

import shutil
import subprocess
import sys

import pytest

from ai_mixer.config import compose as compose_module
from ai_mixer.config.compose import compose
from ai_mixer.config.folder import config_folder, generated_config_folder
from ai_mixer.config.override_errors import check_overrides
from ai_mixer.config.overrides import config_groups, group_options

PAGE = "# @package _global_\nseed: {seed}\n"


def write_page(folder, name, seed):
    file = folder / "experiment" / "sweep" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PAGE.format(seed=seed))


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_generated_page_is_an_option():
    with pytest.raises(ValueError, match="no such experiment"):
        check_overrides(["experiment=sweep/mine"])
    assert "experiment/sweep" not in config_groups()
    write_page(generated_config_folder(), "mine", 77)
    check_overrides(["experiment=sweep/mine"])
    assert compose("train", ["experiment=sweep/mine", "data=band"]).seed == 77
    assert "experiment/sweep" in config_groups()
    assert group_options("experiment/sweep") == ["mine"]
    assert "ast_regressor" in group_options("model")


def test_pages_of_the_old_place_are_read_and_new_ones_win(tmp_path, monkeypatch):
    configs = tmp_path / "configs"
    shutil.copytree(config_folder(), configs)
    monkeypatch.setattr(compose_module, "config_folder", lambda: configs)
    write_page(configs, "old", 78)
    write_page(configs, "mine", 79)
    write_page(generated_config_folder(), "mine", 77)
    assert compose("train", ["experiment=sweep/old"]).seed == 78
    assert compose("train", ["experiment=sweep/mine"]).seed == 77


def test_a_missing_folder_causes_no_warning(tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    shutil.copy(config_folder() / "model" / "mean_knobs.yaml", tmp_path / "own/model/mine.yaml")
    assert compose("train", [f"hydra.searchpath=[file://{tmp_path}/own]", "model=mine"])


def test_a_stage_finds_a_page(tmp_path):
    write_page(generated_config_folder(), "mine", 77)
    words = ["--cfg", "job", "experiment=sweep/mine"]
    printed = subprocess.run(
        [sys.executable, "-m", "ai_mixer.cli.stages.train", *words],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "\nseed: 77\n" in printed


def test_generated_pages_do_not_change_the_working_tree(tmp_path):
    ignored = (config_folder().parent / ".gitignore").read_text(encoding="utf-8")
    (tmp_path / ".gitignore").write_text(ignored)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], check=True)
    write_page(generated_config_folder(), "mine", 77)
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True)
    assert changed.stdout == b""
