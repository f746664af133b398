"""A run holds all required artifacts, metrics, params and tags, and nothing else."""

import json
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from omegaconf import OmegaConf

from ai_mixer import load_model
from ai_mixer.cli.stages import relocate
from ai_mixer.core.metric_names import CURVE_GROUPS
from ai_mixer.core.types import CONDITIONS
from ai_mixer.tracking import find_run, load_model_files
from ai_mixer.tracking.ui import SHARED_VIEW_STATE
from ai_mixer.training.builders import build_components
from ai_mixer.training.dataset_manifest import song_table

STEPS, EPOCHS = 1, 2  # of the small training


def params(run):
    assert run.record.data.params["model.channels"] == "8"  # differs from the default
    assert "seed" not in run.record.data.params  # does not
    assert not [name for name in run.record.data.params if name.startswith("paths")]
    assert run.record.data.tags["command"].startswith("make train debug=fast")


def config(run):
    text = (run.folder / "config.yaml").read_text()
    assert "${" not in text
    assert OmegaConf.create(text).model.channels == 8


def code(run):
    tags = run.record.data.tags
    assert re.fullmatch("[0-9a-f]{40}", tags["mlflow.source.git.commit"])
    assert tags["git.state"] == ("dirty" if (run.folder / "git.patch").is_file() else "clean")


def songs(run):
    table = pd.read_csv(run.folder / "split.csv")
    assert list(table.columns) == ["song", "group", "genre", "split", "audio"]
    assert set(table["split"]) == {"train", "val", "test"}
    assert table["audio"].str.fullmatch("[0-9a-f]{16}").all()
    assert re.fullmatch("[0-9a-f]{16}", run.record.data.tags["data.digest"])
    (dataset_input,) = run.record.inputs.dataset_inputs
    assert (dataset_input.dataset.name, dataset_input.dataset.digest) == (
        run.record.data.params["data.name"],
        run.record.data.tags["data.digest"],
    )


def curves(run):
    for term in ("loss", "knobs", "perceptual", "balance", "dynamics"):
        for stage in ("train", "val"):
            points = run.run.store.client.get_metric_history(run.run.id, f"{stage}/{term}")
            # A training curve has a point per step, and a validation belongs to its epoch's last.
            steps = {"train": range(STEPS * EPOCHS), "val": range(STEPS - 1, STEPS * EPOCHS, STEPS)}
            assert [point.step for point in points] == list(steps[stage]), (stage, term)
            assert np.isfinite([point.value for point in points]).all()
            assert all(run.record.info.start_time <= point.timestamp for point in points)


def groups(run):
    """MLflow shows metrics with a `/` first: they are the curves, and results have one value."""
    names = set(run.record.data.metrics)
    curves = {name for name in names if "/" in name}
    assert {name.rpartition("/")[0] for name in curves} == {*CURVE_GROUPS, "system"}
    assert {"train/lr", "train/loss", "val/loss", "val/skill"} <= curves
    results = names - curves - {"epoch"}  # Lightning's
    assert {"best_val_skill", "test_skill_blind", "test_songs", "data_skipped_songs"} <= results
    for name in results:
        assert len(run.run.store.client.get_metric_history(run.run.id, name)) == 1, name


def columns(run):
    """A run has all columns that `make ui` shows in the table of runs."""
    data = run.record.data
    for column in SHARED_VIEW_STATE["selectedColumns"]:
        kind, name = re.fullmatch("(metrics|params).`(.+)`", column).groups()
        assert name in getattr(data, kind)


def best(run):
    curve = run.run.store.client.get_metric_history(run.run.id, "val/skill")
    assert run.record.data.metrics["best_val_skill"] == max(point.value for point in curve)


def checkpoint(run):
    path = run.folder / "checkpoints" / "last.ckpt"
    state = torch.load(path, map_location="cpu", weights_only=True)
    assert state["epoch"] == EPOCHS - 1
    assert state["optimizer_states"]


def model(run):
    weights, card = load_model_files(run.folder)
    assert weights
    assert {"config", "knobs", "trained", "mean_knobs", "run"} <= set(card)
    assert card["run"] == run.run.id
    for knob in card["knobs"]:
        assert {"name", "unit", "low", "high", "scale", "neutral"} == set(knob)
    json.dumps(card, allow_nan=False)


def listening(run):
    page = (run.folder / "listening" / "index.html").read_text()
    assert not re.search(r"(src|href)=[\"']?https?:", page)
    kinds = [file.stem.rpartition("_")[2] for file in (run.folder / "listening").rglob("*.flac")]
    assert sorted(kinds) == ["finished", "finished", "mix", "mix", "rough", "rough"]


def figures(run):
    # Folders in eval/ may have been written by other tests.
    files = [*run.folder.glob("eval/*.png"), *run.folder.glob("figures/**/*.png")]
    names = {file.relative_to(run.folder).as_posix() for file in files}
    each = {
        f"figures/epoch_{epoch:03d}/{name}.png" for epoch in (0, 1) for name in ("knobs", "skill")
    }
    assert names == {"eval/knob_skill.png", "eval/closeness.png", *each}


def tables(run):
    names = {file.name for file in (run.folder / "eval").iterdir() if file.is_file()}
    tables = (
        "records",
        "knobs",
        "headline",
        "audio",
        "standards",
        "bands",
        "scores",
        "versus",
        "songs",
    )
    plots = {"knob_skill.png", "closeness.png"}
    assert names == {*(f"{name}.csv" for name in (*tables, "versus")), *plots, "tables.md"}
    text = (run.folder / "eval" / "tables.md").read_text()
    assert all(f"Protocol {protocol}" in text for protocol in "KAS")


def description(run):
    text = run.record.data.tags["mlflow.note.content"]
    assert run.record.data.metrics["test_songs"] == 2
    for condition in CONDITIONS:
        assert f"test_skill_{condition}" in run.record.data.metrics
        assert f"{condition} skill –, MAE –, closeness –, n = 2 (no figure below 3 songs)" in text
    command = re.search("`(make train .*?)`", text).group(1)
    assert shlex.join(shlex.split(command)) == run.record.data.tags["command"]


def machine(run):
    metrics = run.record.data.metrics
    assert metrics["system/system_memory_usage_megabytes"] > 0
    assert "system/cpu_utilization_percentage" in metrics


PARTS = [
    params,
    config,
    code,
    songs,
    curves,
    groups,
    columns,
    best,
    checkpoint,
    model,
    listening,
    figures,
    tables,
    description,
    machine,
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_run_has(part, trained):
    part(trained)


def test_run_has_no_other_files(trained):
    entries = {path.relative_to(trained.folder).parts[0] for path in trained.folder.rglob("*")}
    tables = {"split.csv", "manifest.csv"}
    model = {"model.json", "model.safetensors", "seen_songs.safetensors"}
    listed = {"config.yaml", *tables, *model, "overrides.json"}
    folders = {"checkpoints", "eval", "figures", "listening"}
    assert entries - {"git.patch"} == listed | folders
    assert not list(trained.folder.rglob(".*"))


@pytest.fixture
def own_songs(songs_folder, tmp_path):
    return shutil.copytree(songs_folder, tmp_path / "songs")


def split_table(folder, compose):
    """The split.csv of a run on these songs."""
    cfg = compose("data=folder", f"data.root={folder}", "model=mean_knobs", "loader.excerpt_s=1")
    return song_table(build_components(cfg)).set_index("song")


@pytest.mark.slow
def test_changed_audio_changes_its_digest(own_songs, compose):
    before = split_table(own_songs, compose)
    assert split_table(own_songs, compose).equals(before)
    path = own_songs / "rock" / "a" / "song.flac"
    audio, rate = soundfile.read(path)
    soundfile.write(path, 0.5 * audio, rate)
    with pytest.warns(UserWarning, match=r"changed.*rock/a/song\.flac"):
        after = split_table(own_songs, compose)
    changed = (after != before).any(axis=1)
    assert list(changed[changed].index) == ["rock/a/song"]


def test_changed_manifest_changes_the_split(own_songs, compose):
    before = split_table(own_songs, compose).reset_index()
    other = {"train": "val", "val": "test", "test": "train"}
    rows = before.assign(file=before["song"] + ".flac", split=before["split"].map(other))
    rows[["file", "split", "genre", "group"]].to_csv(own_songs / "manifest.csv", index=False)
    after = split_table(own_songs, compose)
    assert after["split"].to_dict() == dict(zip(rows["song"], rows["split"], strict=True))
    assert after["audio"].to_dict() == dict(zip(before["song"], before["audio"], strict=True))


def test_copied_songs_have_equal_digests(own_songs, songs_folder, compose):
    assert split_table(own_songs, compose).equals(split_table(songs_folder, compose))


def test_relocate_rewrites_uris_of_a_moved_folder(trained, tmp_path, monkeypatch, command):
    """`last` is then the moved run."""
    mlruns = shutil.copytree(trained.run.store.folder, tmp_path / "new folder" / "mlruns")
    monkeypatch.chdir(mlruns.parent)
    assert str(mlruns) in command(relocate)
    moved = find_run("last")
    assert moved == mlruns / trained.folder.relative_to(trained.run.store.folder)
    loaded, original = load_model("last"), load_model(trained.folder)
    for name, weight in original.model.state_dict().items():
        assert torch.equal(weight, loaded.model.state_dict()[name])
