"""Artifacts, metrics, params and tags of a finished training."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import soundfile
import torch
from omegaconf import OmegaConf

from ai_mixer.cli.pipeline import train
from ai_mixer.core.types import CONDITIONS
from ai_mixer.tracking import Store, load_model_files
from ai_mixer.utils.progress import configure_warnings

TERMS = {"knobs", "perceptual", "balance", "dynamics"}


def test_run_is_finished_and_stored(trained, home):
    assert trained.record.info.status == "FINISHED"
    assert (home / "mlruns" / "mlflow.db").is_file()
    assert trained.folder.is_relative_to(home / "mlruns" / "artifacts" / "debug")


def test_params_are_the_values_that_differ_from_the_defaults(trained):
    params = trained.record.data.params
    assert params["model.channels"] == "8"
    assert params["loader.excerpt_s"] == "1"
    assert params["group.model"] == "baseline_cnn"
    assert not {"optimizer.lr", "seed", "console._target_", "loader.sample_rate"} & set(params)


def test_config_is_complete_and_resolved(trained, config, compose, small_overrides):
    assert "${" not in (trained.folder / "config.yaml").read_text()
    assert OmegaConf.to_container(config) == OmegaConf.to_container(
        compose(*small_overrides), resolve=True
    )


def test_commit_and_patch_are_stored(trained):
    tags = trained.record.data.tags
    assert re.fullmatch("[0-9a-f]{40}", tags["mlflow.source.git.commit"])
    assert tags["git.state"] in {"clean", "dirty"}
    assert (tags["git.state"] == "dirty") == (trained.folder / "git.patch").is_file()


def test_songs_and_splits_are_stored(trained):
    songs = pd.read_csv(trained.folder / "split.csv")
    assert len(songs) == 6
    assert set(songs["split"]) == {"train", "val", "test"}
    assert songs.groupby("group")["split"].nunique().eq(1).all()
    assert re.fullmatch("[0-9a-f]{16}", trained.record.data.tags["data.digest"])
    assert trained.record.data.tags["data.songs"] == "6"


@pytest.mark.parametrize("stage", ["train", "val"])
def test_every_loss_term_has_a_curve(trained, stage):
    client, run_id = trained.run.store.client, trained.run.id
    for name in {"loss", *TERMS}:
        points = client.get_metric_history(run_id, f"{stage}/{name}")
        assert len(points) >= 2, name
        assert len({point.step for point in points}) == len(points)
        assert all(point.value == point.value for point in points)


def test_learning_rate_and_best_epoch_are_logged(trained):
    metrics = trained.record.data.metrics
    assert metrics["train/lr"] >= 0
    history = trained.run.store.client.get_metric_history(trained.run.id, "val/skill")
    assert metrics["best_val_skill"] == pytest.approx(max(point.value for point in history))


@pytest.mark.parametrize("name", ["last", "best"])
def test_checkpoints_hold_plain_types(trained, name):
    path = trained.folder / "checkpoints" / f"{name}.ckpt"
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    assert checkpoint["state_dict"]
    assert checkpoint["optimizer_states"]


def test_last_checkpoint_is_of_the_last_epoch(trained, config):
    """Not of the best epoch: resuming must not lose epochs."""
    last = torch.load(trained.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["epoch"] == config.trainer.max_epochs - 1


@pytest.mark.slow
def test_checkpoint_outside_of_a_run_starts_a_new_run(trained, small_training, tmp_path):
    last = shutil.copy(trained.folder / "checkpoints" / "last.ckpt", tmp_path / "any name.ckpt")
    elsewhere = f"paths.mlruns='{tmp_path}'"  # other tests use `last` of the shared store
    run = small_training(f"ckpt_path='{last}'", "trainer.max_epochs=3", elsewhere)
    assert run.id != trained.run.id
    before = torch.load(last, weights_only=True)
    after = torch.load(run.artifact_dir / "checkpoints" / "last.ckpt", weights_only=True)
    assert before["global_step"] < after["global_step"]
    counts = [c["state_dict"]["knob_count"] for c in (before, after)]
    assert (counts[1] >= counts[0]).all()


def test_finished_checkpoint_raises(trained, small_training, home, tmp_path):
    """However it is named; no run is created or changed."""
    last = trained.folder / "checkpoints" / "last.ckpt"
    for which in (last, shutil.copy(last, tmp_path), trained.run.id[:12]):
        with pytest.raises(ValueError, match=r"2 epochs.*trainer\.max_epochs"):
            small_training(f"ckpt_path={which}", "experiment_name=at the end")
    store = Store(home / "mlruns")
    assert store.client.get_experiment_by_name("at the end") is None
    assert store.client.get_run(trained.run.id).info.status == "FINISHED"


def test_checkpoint_of_another_model_raises(trained, small_training, tmp_path):
    last = shutil.copy(trained.folder / "checkpoints" / "last.ckpt", tmp_path)
    with pytest.raises(ValueError, match=r"another model.*model\.blocks") as caught:
        small_training(f"ckpt_path={last}", "model.channels=16", "trainer.max_epochs=3")
    assert "\n" not in str(caught.value)


def test_model_is_stored_as_safetensors_and_json(trained, config):
    weights, card = load_model_files(trained.folder)
    assert weights
    assert card["run"] == trained.run.id
    assert card["config"] == OmegaConf.to_container(config)
    names = [knob["name"] for knob in card["knobs"]]
    assert len(names) == len(set(names)) >= 10
    assert set(card["trained"]) <= set(names)
    assert list(card["mean_knobs"]) == names
    assert all(0 <= mean <= 1 for mean in card["mean_knobs"].values())
    json.dumps(card, allow_nan=False)


def test_listening_page_is_self_contained(trained):
    page = (trained.folder / "listening" / "index.html").read_text()
    assert "<script" in page
    assert not re.search(r"(src|href)=[\"']?https?:", page)
    files = sorted((trained.folder / "listening").rglob("*.flac"))
    assert len(files) == 2 * 3  # two test songs: rough, mix, finished
    for file in files:
        header = soundfile.info(file)
        assert (header.samplerate, header.channels) == (44100, 2)
        assert header.duration == pytest.approx(2.0)


def test_evaluation_has_tables_and_plots(trained):
    folder = trained.folder / "eval"
    records = pd.read_csv(folder / "records.csv")
    assert set(records["condition"]) == set(CONDITIONS)
    assert set(records["system"]) == {
        "rough",
        "loudness_only",
        "mean_knobs",
        "model",
        "true_knobs",
    }
    table = pd.read_csv(folder / "knobs.csv", index_col=0)
    assert {"total_gain", "low_eq", "reverb", "delay", "headline", "all"} <= set(table.index)
    assert {f"{condition} skill_low" for condition in CONDITIONS} <= set(table.columns)
    assert (folder / "audio.csv").is_file()
    assert "Protocol K" in (folder / "tables.md").read_text()
    png = (trained.folder / "eval" / "knob_skill.png").read_bytes()
    assert png.startswith(b"\x89PNG")


def test_headline_metrics_are_logged(trained):
    for condition in CONDITIONS:
        for name in ("skill", "skill_low", "skill_high", "mae", "closeness"):
            assert f"test_{name}_{condition}" in trained.record.data.metrics


def test_description_has_the_training_command(trained, small_overrides):
    text = trained.record.data.tags["mlflow.note.content"]
    command = re.search("`(make train .*?)`", text).group(1)
    assert shlex.split(command)[2:] == small_overrides
    assert trained.record.data.tags["command"] == command
    assert "Protocol K" in text
    assert "listening/index.html" in text


def without_machine(metrics):
    """Metrics that the seed determines: not those of the machine."""
    return {name: value for name, value in metrics.items() if not name.startswith("system/")}


@pytest.mark.slow
def test_command_line_reproduces_the_metrics(trained, small_overrides, home, tmp_path):
    """`python -m ai_mixer.cli.stages.train …` in another process: a new run, equal metrics."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ai_mixer.cli.stages.train",
            *small_overrides,
            f"paths.mlruns={tmp_path}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    run_id = re.search("^run ([0-9a-f]{32})", done.stderr, re.MULTILINE).group(1)
    repeated = Store(tmp_path).client.get_run(run_id)
    assert repeated.info.run_id != trained.run.id
    assert repeated.info.run_name == "baseline_cnn-band_small"
    assert repeated.data.params == {**repeated.data.params, **trained.record.data.params}
    expected = without_machine(trained.record.data.metrics)
    assert without_machine(repeated.data.metrics) == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert not (home / "outputs" / "hydra").exists()
    assert not list(home.glob("*.log"))


def test_failed_training_has_status_failed(small_training, home):
    with pytest.raises(ValueError, match="max_epochs"):
        small_training("experiment_name=broken", "trainer.max_epochs=0")
    store = Store(home / "mlruns")
    (run,) = store.client.search_runs([store.experiment("broken")])
    assert run.info.status == "FAILED"
    assert "ValueError" in run.data.tags["error"]


def test_invalid_data_raises_before_a_run_is_created(small_training, home):
    with pytest.raises(ValueError, match="no songs in"):
        small_training("data.source.songs=1", "experiment_name=never")
    store = Store(home / "mlruns")
    assert not store.client.search_runs([store.experiment("never")])


def copy_some(music, folder):
    """Copy four recordings of each split to a folder."""
    table = pd.read_csv(music / "manifest.csv").groupby("split").head(4)
    for file in table["file"]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(music / file, folder / file)
    table.to_csv(folder / "manifest.csv", index=False)
    return folder


@pytest.mark.slow
@pytest.mark.music
def test_training_on_real_music(tmp_path, compose):
    """A small `make train data=folder data.root=…`."""
    music = os.environ.get("AI_MIXER_MUSIC")
    if not music or not Path(music).is_dir():
        pytest.skip("AI_MIXER_MUSIC is not set")
    cfg = compose(
        "data=folder",
        f"data.root={copy_some(Path(music), tmp_path / 'music')}",
        "model=baseline_cnn",
        "loader.excerpt_s=0.5",
        "loader.excerpts_per_song=1",
        "loader.held_out_per_song=1",
        "loader.workers=0",
        "loader.batch_size=4",
        "trainer.max_epochs=1",
        "+trainer.limit_train_batches=1",
        "evaluate.excerpts_per_song=1",
        "render.songs=1",
        "render.seconds=1",
        *[f"paths.{name}={tmp_path}/{name}" for name in ("data", "outputs", "mlruns")],
    )
    configure_warnings()
    run = train(cfg, compose(), ["data=folder"], {"data": "folder"})
    songs = pd.read_csv(run.artifact_dir / "split.csv")
    assert songs.groupby("group")["split"].nunique().eq(1).all()
    assert (run.artifact_dir / "listening" / "index.html").is_file()
    assert load_model_files(run.artifact_dir)[1]["trained"]


@pytest.mark.slow
def test_training_on_whole_songs(songs_folder, compose, store):
    """They are evaluated one by one, as they differ in length, and have no reference."""
    overrides = [
        "data=folder",
        f"data.root={songs_folder}",
        "model=baseline_cnn",
        "model.channels=8",
        "excerpt=full",
        "loader.excerpts_per_song=1",
        "loader.held_out_per_song=3",
        "loader.balance=genre",
        "loader.workers=0",
        "trainer.max_epochs=1",
        "trainer.log_every_n_steps=1",
        "evaluate.excerpts_per_song=1",
        "render.songs=1",
        "render.seconds=1",
        f"paths.mlruns='{store.folder}'",
    ]
    with pytest.warns(UserWarning, match="no song has a reference"):
        run = train(compose(*overrides), compose(), overrides, {"data": "folder"})
    config = OmegaConf.load(run.artifact_dir / "config.yaml")
    assert config.loader.excerpt_s == "full"
    assert (run.artifact_dir / "eval" / "tables.md").is_file()
