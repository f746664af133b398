"""A run holds everything that the design's section 6 names, walked through from top to bottom."""

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
from ai_mixer.core.types import CONDITIONS
from ai_mixer.tracking import find_run, load_model_files
from ai_mixer.tracking.ui import SHARED_VIEW_STATE
from ai_mixer.training.builders import build_components
from ai_mixer.training.dataset_manifest import song_table

STEPS, EPOCHS = 1, 2  # of the small training: per epoch, and epochs


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
    (found,) = run.record.inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == (
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
    """MLflow draws a section of curves per word before the `/`."""
    names = set(run.record.data.metrics)
    sections = {name.partition("/")[0] for name in names - {"epoch"}}
    assert sections <= {"train", "val", "test", "best", "data", "system"}
    assert "train/lr" in names


def columns(run):
    """What `make ui` shows in the table of runs is in a run."""
    data = run.record.data
    for column in SHARED_VIEW_STATE["selectedColumns"]:
        kind, name = re.fullmatch("(metrics|params).`(.+)`", column).groups()
        assert name in getattr(data, kind)


def best(run):
    curve = run.run.store.client.get_metric_history(run.run.id, "val/skill")
    assert run.record.data.metrics["best/val/skill"] == max(point.value for point in curve)


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
    # Folders in eval/ are of evaluations by other tests, which may have come first.
    drawn = [*run.folder.glob("eval/*.png"), *run.folder.glob("figures/**/*.png")]
    found = {file.relative_to(run.folder).as_posix() for file in drawn}
    each = {
        f"figures/epoch_{epoch:03d}/{name}.png" for epoch in (0, 1) for name in ("knobs", "skill")
    }
    assert found == {"eval/knob_skill.png", "eval/closeness.png", *each}


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
    pictures = {"knob_skill.png", "closeness.png"}
    assert names == {*(f"{name}.csv" for name in (*tables, "versus")), *pictures, "tables.md"}
    text = (run.folder / "eval" / "tables.md").read_text()
    assert all(f"Protocol {protocol}" in text for protocol in "KAS")


def description(run):
    text = run.record.data.tags["mlflow.note.content"]
    for condition in CONDITIONS:
        value = run.record.data.metrics[f"test/skill_{condition}"]
        assert f"{condition} **{value:+.2f}**" in text.splitlines()[0]
    command = re.search("`(make train .*?)`", text).group(1)
    assert shlex.join(shlex.split(command)) == run.record.data.tags["command"]


def machine(run):
    metrics = run.record.data.metrics
    assert metrics["system/system_memory_usage_megabytes"] > 0
    assert "system/cpu_utilization_percentage" in metrics


EVERYTHING = [
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


@pytest.mark.parametrize("part", EVERYTHING, ids=lambda part: part.__name__)
def test_a_run_holds(part, trained):
    part(trained)


def test_it_holds_nothing_else(trained):
    """No drafts, no leftovers: what a run holds is in the list above, or here."""
    places = {path.relative_to(trained.folder).parts[0] for path in trained.folder.rglob("*")}
    tables = {"split.csv", "manifest.csv"}
    listed = {"config.yaml", *tables, "model.json", "model.safetensors", "overrides.json"}
    folders = {"checkpoints", "eval", "figures", "listening"}
    assert places - {"git.patch"} == listed | folders
    assert not list(trained.folder.rglob(".*"))


@pytest.fixture
def own_songs(songs_folder, tmp_path):
    return shutil.copytree(songs_folder, tmp_path / "songs")


def seen(folder, compose):
    """The songs as a run would write them down: split.csv."""
    cfg = compose("data=folder", f"data.root={folder}", "model=mean_knobs", "loader.excerpt_s=1")
    return song_table(build_components(cfg)).set_index("song")


def test_changed_audio_changes_what_is_written_down(own_songs, compose):
    before = seen(own_songs, compose)
    assert seen(own_songs, compose).equals(before)
    path = own_songs / "rock" / "a" / "song.flac"
    audio, rate = soundfile.read(path)
    soundfile.write(path, 0.5 * audio, rate)
    with pytest.warns(UserWarning, match=r"a song has changed since .*rock/a/song\.flac"):
        after = seen(own_songs, compose)
    changed = (after != before).any(axis=1)
    assert list(changed[changed].index) == ["rock/a/song"]


def test_another_split_changes_what_is_written_down(own_songs, compose):
    before = seen(own_songs, compose).reset_index()
    other = {"train": "val", "val": "test", "test": "train"}
    rows = before.assign(file=before["song"] + ".flac", split=before["split"].map(other))
    rows[["file", "split", "genre", "group"]].to_csv(own_songs / "manifest.csv", index=False)
    after = seen(own_songs, compose)
    assert after["split"].to_dict() == dict(zip(rows["song"], rows["split"], strict=True))
    assert after["audio"].to_dict() == dict(zip(before["song"], before["audio"], strict=True))


def test_the_same_songs_elsewhere_are_the_same(own_songs, songs_folder, compose):
    assert seen(own_songs, compose).equals(seen(songs_folder, compose))


def test_a_run_moved_elsewhere_is_found_again(trained, tmp_path, monkeypatch, command):
    """`make relocate` in the new place, and `last` is the run that came along."""
    mlruns = shutil.copytree(trained.run.store.folder, tmp_path / "new place" / "mlruns")
    monkeypatch.chdir(mlruns.parent)
    said = command(relocate)
    assert said.endswith(f"addresses mended in {mlruns}\n")
    moved = find_run("last")
    assert moved == mlruns / trained.folder.relative_to(trained.run.store.folder)
    theirs, ours = load_model("last"), load_model(trained.folder)
    for name, weight in ours.model.state_dict().items():
        assert torch.equal(weight, theirs.model.state_dict()[name])
