"""`configs/local/default.yaml` applies to every stage, not only to trainings."""

import sys
from unittest.mock import ANY

import pytest

from ai_mixer.cli.stage import stage
from ai_mixer.cli.stages import doctor
from ai_mixer.config import local_settings

LOCAL = """# @package _global_
paths: { data: /big/data, mlruns: "${oc.env:BIG_DISK}/my runs" }
allow_targets: [my_package]
excerpt: 7
seed: 5
"""


@pytest.fixture
def composed(monkeypatch, tmp_path):
    """A function: page, overrides → the config of a stage on a machine with settings of its own."""
    folder = tmp_path / "configs"
    (folder / "local").mkdir(parents=True)
    (folder / "local" / "default.yaml").write_text(LOCAL, encoding="utf-8")
    monkeypatch.setattr(local_settings, "config_folder", lambda: folder)
    monkeypatch.setenv("BIG_DISK", "/big")

    def compose(page, *overrides):
        configs = []
        monkeypatch.setattr(sys, "argv", ["stage", *overrides])
        stage(page)(configs.append)()
        return configs[0]

    return compose


@pytest.mark.parametrize("page", ["evaluate", "ui", "gc", "report"])
def test_folders_are_those_of_the_machine(composed, page):
    paths = composed(page).paths
    assert (paths.data, paths.mlruns, paths.outputs) == ("/big/data", "/big/my runs", "outputs")


def test_an_override_counts_more(composed):
    paths = composed("evaluate", "paths.mlruns=here").paths
    assert (paths.data, paths.mlruns) == ("/big/data", "here")


def test_allowed_packages_are_those_of_the_machine(composed):
    assert composed("evaluate").allow_targets == ["my_package"]
    assert composed("evaluate", "allow_targets=[other]").allow_targets == ["other"]


def test_keys_of_a_training_are_ignored(composed):
    cfg = composed("evaluate")
    assert cfg.excerpt is None
    assert cfg.seed == 0


def test_doctor_checks_the_folder_of_runs_of_the_machine(composed, monkeypatch, tmp_path):
    monkeypatch.setenv("BIG_DISK", str(tmp_path))
    assert doctor._store() == (doctor.OK, ANY)
    assert f"runs in {tmp_path}/my runs/" in doctor._store()[1]
