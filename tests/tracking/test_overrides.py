"""Stored overrides are read, and published without local paths."""

import json

import pytest

from ai_mixer.tracking.overrides import is_path, publishable, stored_overrides

OVERRIDES = ["model=ast_regressor", "data.root=/my music", "run_name=it's a test", "data.fold=0/5"]


def test_the_stored_list_has_priority_over_the_tag(tmp_path):
    tags = {"command": "make train 'data.root=/my music' cv=5"}
    assert stored_overrides(tmp_path, tags) == ["data.root=/my music", "cv=5"]
    assert stored_overrides(tmp_path) == []
    (tmp_path / "overrides.json").write_text(json.dumps(OVERRIDES))
    assert stored_overrides(tmp_path, tags) == OVERRIDES


@pytest.mark.parametrize(
    "override",
    [
        "data.root=/my music",
        "data.root=relative/music",
        'data.root="/my music"',
        "+data.root=~/music",
        "data.manifest=songs.csv",
        "paths.mlruns=runs",
        "++paths.data=/scratch",
    ],
)
def test_locations_are_removed(override):
    assert publishable(["model=cnn", override, "cv=5"]) == ["model=cnn", "cv=5"]


@pytest.mark.parametrize(
    "override",
    [
        "ckpt_path=/home/me/a run/last.ckpt",
        "ckpt_path='/home/me/last.ckpt'",
        "ckpt_path=../last.ckpt",
        "init_from=~me/run",
        "data={root: /my music}",
        "+files=[/a,/b]",
        "model.weights=file:///home/me/x.pt",
        r"model.weights=C:\music\x.pt",
    ],
)
def test_paths_in_other_values_are_replaced(override):
    key = override.partition("=")[0]
    assert publishable([override]) == [f"{key}=…"]


@pytest.mark.parametrize(
    "override",
    ["data.fold=0/5", "loss/term=[knobs,perceptual]", "~scheduler", "lr=1e-3", "run_name=a b"],
)
def test_settings_are_unchanged(override):
    assert publishable([override]) == [override]


def test_null_is_not_a_path():
    assert not is_path(None, "root")
    assert is_path("music", "root")
    assert not is_path("data/index", "index")
