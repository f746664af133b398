"""Packaged models: size, card, calibration, paths, and equal predictions."""

import json

import pandas as pd
import pytest
import torch

from ai_mixer.cli.stages import package as stage
from ai_mixer.cli.stages.package import package
from ai_mixer.core.types import CONDITIONS
from ai_mixer.inference import pretrained
from ai_mixer.inference.model_card import limits, training_command
from ai_mixer.inference.predictor import load_model
from ai_mixer.inference.track_predictor import load_track_model
from ai_mixer.tracking import load_model_files, save_model
from helpers.signals import noise
from helpers.tracks import save_track_model, track_batch


@pytest.fixture
def models_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path)
    return tmp_path


def board(folder, *systems):
    table = pd.DataFrame({"blind skill": 0.2}, index=pd.Index(systems, name="system"))
    table.to_csv(folder / "board-knobs.csv")
    return folder / "board.md"


def test_packaged_model_is_small_and_predicts_nearly_the_same(models_folder, trained, mixer):
    table = board(models_folder, "mean_knobs", "my_model", "my_model, refined", "another")
    target = package(models_folder, trained.folder, "my_model", "It mixes.", table)
    size = (target / "model.safetensors").stat().st_size
    assert size < 0.3 * (trained.folder / "model.safetensors").stat().st_size
    audio = noise(2, 2, 44100)
    packaged = load_model(pretrained.model_folder("my_model"))
    torch.testing.assert_close(
        packaged.predict(audio, 44100), mixer.predict(audio, 44100), atol=0.01, rtol=0
    )
    text = (target / "card.md").read_text(encoding="utf-8")
    assert text.startswith("# My Model\n\nIt mixes.")
    assert "| my_model | 0.20 |" in text
    assert "| my_model, refined |" in text
    assert "another" not in text
    assert pretrained.model_summary("my_model") == "It mixes."


def test_card_describes_the_data_of_its_run(models_folder, trained):
    """A run with other masked knobs, songs and licences, and without calibration."""
    weights, card = load_model_files(trained.folder)
    card |= {"trained": ["reverb", "low_eq"], "calibration": None}
    card["config"]["data"]["name"] = "my_set"
    run = save_model(models_folder / "run", weights, card)
    (run / "split.csv").write_text(
        "song,group,genre,split,audio\na,x,rock,train,1\nb,y,rock,train,2\nc,z,,test,3\n"
    )
    (run / "manifest.csv").write_text("song,licence\na,CC0\nb,CC0\nc,\n")
    text = (package(models_folder, run, "my_model", "It mixes.", None) / "card.md").read_text(
        "utf-8"
    )
    assert "`data=my_set`" in text
    assert "3 recordings: train (2), test (1). Genres: rock (2), unknown (1)." in text
    assert "Licences: CC0 (2), not stated (1)." in text
    assert "share-alike" not in text
    assert "- It sets reverb, low_eq.\n" in text
    masked = [knob["name"] for knob in card["knobs"] if knob["name"] not in card["trained"]]
    assert f"never learned: {', '.join(masked)}." in text
    assert "ai_mixer.inference.shrinkage" not in text
    assert "Cross-validation" not in text  # it was not evaluated

    (run / "manifest.csv").write_text("song,licence\na,CC-BY-SA-3.0\n")
    text = (package(models_folder, run, "my_model", "It mixes.", None) / "card.md").read_text(
        "utf-8"
    )
    assert "share-alike" in text


def test_card_has_the_number_of_folds(models_folder, trained):
    table, folds = board(models_folder, "my_model"), [trained.folder] * 3
    target = package(models_folder, trained.folder, "my_model", "It mixes.", table, folds=folds)
    assert "Cross-validation in 3 folds:" in (target / "card.md").read_text("utf-8")


@pytest.mark.parametrize("name", pretrained.list_models())
def test_packaged_card_matches_its_model(name):
    """And has no links: the docs are not part of a wheel."""
    text = (pretrained.model_folder(name) / "card.md").read_text("utf-8")
    assert limits(load_model_files(pretrained.model_folder(name))[1]) in text
    assert "](" not in text


def test_leaderboard_entry_may_have_another_name(models_folder, trained):
    table = board(models_folder, "mean_knobs", "my_model", "another")
    target = package(models_folder, trained.folder, "my_model", "It mixes.", table, "another")
    text = (target / "card.md").read_text(encoding="utf-8")
    assert "| another | 0.20 |" in text
    assert "| my_model |" not in text


def test_calibration_is_the_mean_over_the_folds(models_folder, trained):
    """A model trained on all songs has no held-out songs to calibrate with."""
    weights, card = load_model_files(trained.folder)
    folds = []
    for number, factor in enumerate((1.0, 4.0)):
        card["calibration"] = {condition: {"low_eq": factor} for condition in CONDITIONS}
        folds.append(save_model(models_folder / f"fold {number}", weights, card))
    target = package(models_folder, trained.folder, "my_model", "It mixes.", None, folds=folds)
    calibration = json.loads((target / "model.json").read_text(encoding="utf-8"))["calibration"]
    assert calibration == {condition: {"low_eq": 2.0} for condition in CONDITIONS}
    card["calibration"] = None  # of a model without uncertainty
    uncalibrated = [save_model(models_folder / "uncalibrated", weights, card)]
    target = package(
        models_folder, trained.folder, "my_model", "It mixes.", None, folds=uncalibrated
    )
    assert json.loads((target / "model.json").read_text(encoding="utf-8"))["calibration"] is None


def test_packaged_model_has_no_paths(models_folder, trained):
    weights, card = load_model_files(trained.folder)
    card["config"]["data"] = {
        "root": "my music",
        "manifest": "~/songs.csv",
        "source": {"root": "/my music", "index": "/my/data/index", "more": ["file:///my/x"]},
    }
    run = save_model(models_folder / "run", weights, card)
    overrides = [
        "data.root=/my music",
        "model=cnn",
        "ckpt_path='/my music/x.ckpt'",
        "paths.data=data",
    ]
    (run / "overrides.json").write_text(json.dumps(overrides))
    target = package(models_folder, run, "my_model", "It mixes.", None)
    config = json.loads((target / "model.json").read_text(encoding="utf-8"))["config"]
    assert "paths" not in config
    source = {"root": None, "index": "index", "more": ["x"]}
    assert config["data"] == {"root": None, "manifest": None, "source": source}
    assert "`make train model=cnn 'ckpt_path=…'`" in (target / "card.md").read_text(
        encoding="utf-8"
    )


def test_command_of_an_ensemble_lists_its_members(models_folder, trained):
    weights, card = load_model_files(trained.folder)
    run = save_model(models_folder / "run", weights, card)
    kinds = ("enhanced_cnn.EnhancedCNN", "transformer.Transformer")
    members = [{"_target_": f"ai_mixer.models.{kind}"} for kind in kinds]
    assert training_command(run) == "make ensemble runs=… (of unknown models)"
    card["config"]["model"] = {"members": members}
    run = save_model(models_folder / "ensemble", weights, card)
    assert training_command(run) == "make ensemble runs=… (of enhanced_cnn, transformer)"


def test_the_stage_writes_the_defaults_and_other_results(models_folder, trained, command, at_home):
    (models_folder / "results.md").write_text("It mends 10 %.\n")
    arguments = (f"run={trained.folder}", "name=my_model", "about='It mixes.'")
    defaults = ("make_blind_default=true", "make_tracks_default=true")
    command(stage, *arguments, f"results={models_folder / 'results.md'}", *defaults)
    assert pretrained.blind_model() == "my_model"
    assert (models_folder / "tracks.txt").read_text() == "my_model\n"
    assert not (models_folder / "default.txt").exists()
    text = (models_folder / "my_model" / "card.md").read_text("utf-8")
    assert "## Evaluation\n\nIt mends 10 %.\n" in text


def test_a_model_of_several_tracks_is_packaged_and_predicts_nearly_the_same(
    models_folder, tmp_path, compose
):
    run, size = tmp_path / "run", ("model.width=64", "model.layers=1")
    save_track_model(run, compose("task=remix", *size))
    package(models_folder, run, "my_tracks", "It mixes tracks.", None)
    assert (pretrained.list_models(), pretrained.track_model()) == ([], "my_tracks")
    assert pretrained.default_note("my_tracks") == "  (default for several tracks)"
    assert "- It sets fader_db, pan.\n" in (models_folder / "my_tracks" / "card.md").read_text()
    original, packaged = load_track_model(run), load_track_model("my_tracks")
    batch = track_batch(3, original.console.layout)
    predicted = [model.predict(batch) for model in (original, packaged)]
    torch.testing.assert_close(*(p.knobs for p in predicted), atol=0.03, rtol=0)
    torch.testing.assert_close(*(p.uncertainty for p in predicted), atol=0.01, rtol=0)
    with pytest.raises(ValueError, match="a model of several tracks"):
        load_model("my_tracks")


def test_missing_leaderboard_entry_raises(models_folder, trained):
    table = board(models_folder, "mean_knobs", "another")
    with pytest.raises(ValueError, match="my_model"):
        package(models_folder, trained.folder, "my_model", "It mixes.", table)
    with pytest.raises(ValueError, match=r"leaderboard=.*none.md"):
        package(models_folder, trained.folder, "my_model", "It mixes.", models_folder / "none.md")
