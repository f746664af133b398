"""A model in the package: small, whole, says what it is, and answers as the run did."""

import json

import pandas as pd
import pytest
import torch

from ai_mixer.cli.stages.package import _training_command, limits, package
from ai_mixer.core.types import CONDITIONS
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import load_model_files, save_model


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path)
    return tmp_path


def board(folder, *systems):
    table = pd.DataFrame({"blind skill": 0.2}, index=pd.Index(systems, name="system"))
    table.to_csv(folder / "board-knobs.csv")
    return folder / "board.md"


def test_small_and_nearly_the_same(shop, trained, mixer):
    table = board(shop, "mean_knobs", "my_model", "my_model, refined", "another")
    target = package(shop, trained.folder, "my_model", "It mixes.", table)
    size = (target / "model.safetensors").stat().st_size
    assert size < 0.3 * (trained.folder / "model.safetensors").stat().st_size
    noise = torch.randn(2, 2, 44100, generator=torch.Generator().manual_seed(0)) * 0.1
    small = load_model(pretrained.model_folder("my_model"))
    torch.testing.assert_close(
        small.predict(noise, 44100), mixer.predict(noise, 44100), atol=0.01, rtol=0
    )
    page = (target / "card.md").read_text(encoding="utf-8")
    assert page.startswith("# My Model\n\nIt mixes.")
    assert "| my_model | 0.20 |" in page
    assert "| my_model, refined |" in page
    assert "another" not in page
    assert pretrained.model_summary("my_model") == "It mixes."


def test_a_card_says_what_its_run_says(shop, trained):
    """Another run: other knobs masked, other songs, other licences, no calibration."""
    weights, card = load_model_files(trained.folder)
    card |= {"trained": ["reverb", "low_eq"], "calibration": None}
    card["config"]["data"]["name"] = "my_set"
    run = save_model(shop / "run", weights, card)
    (run / "split.csv").write_text(
        "song,group,genre,split,audio\na,x,rock,train,1\nb,y,rock,train,2\nc,z,,test,3\n"
    )
    (run / "manifest.csv").write_text("song,licence\na,CC0\nb,CC0\nc,\n")
    page = (package(shop, run, "my_model", "It mixes.", None) / "card.md").read_text("utf-8")
    assert "`data=my_set`" in page
    assert "3 recordings: train (2), test (1). Genres: rock (2), unknown (1)." in page
    assert "Licences: CC0 (2), not stated (1)." in page
    assert "share-alike" not in page
    assert "- It sets reverb, low_eq.\n" in page
    masked = [knob["name"] for knob in card["knobs"] if knob["name"] not in card["trained"]]
    assert f"never learned: {', '.join(masked)}." in page
    assert "ai_mixer.inference.shrinkage" not in page
    assert "Cross-validation" not in page  # it was not judged

    (run / "manifest.csv").write_text("song,licence\na,CC-BY-SA-3.0\n")
    page = (package(shop, run, "my_model", "It mixes.", None) / "card.md").read_text("utf-8")
    assert "share-alike" in page


def test_a_card_says_in_how_many_folds_it_was_judged(shop, trained):
    table, folds = board(shop, "my_model"), [trained.folder] * 3
    target = package(shop, trained.folder, "my_model", "It mixes.", table, folds=folds)
    assert "Cross-validation in 3 folds:" in (target / "card.md").read_text("utf-8")


@pytest.mark.parametrize("name", pretrained.list_models())
def test_a_packaged_card_is_true_of_its_model(name):
    """And needs no page: in a wheel there is none beside the package."""
    page = (pretrained.model_folder(name) / "card.md").read_text("utf-8")
    assert limits(load_model_files(pretrained.model_folder(name))[1]) in page
    assert "](" not in page


def test_the_row_of_its_recipe_may_have_another_name(shop, trained):
    table = board(shop, "mean_knobs", "my_model", "another")
    target = package(shop, trained.folder, "my_model", "It mixes.", table, "another")
    page = (target / "card.md").read_text(encoding="utf-8")
    assert "| another | 0.20 |" in page
    assert "| my_model |" not in page


def test_it_is_as_sure_as_the_models_of_the_folds_should_have_been(shop, trained):
    """A model of all songs has none left to find out."""
    weights, card = load_model_files(trained.folder)
    folds = []
    for number, factor in enumerate((1.0, 4.0)):
        card["calibration"] = {condition: {"low_eq": factor} for condition in CONDITIONS}
        folds.append(save_model(shop / f"fold {number}", weights, card))
    target = package(shop, trained.folder, "my_model", "It mixes.", None, folds=folds)
    own = json.loads((target / "model.json").read_text(encoding="utf-8"))["calibration"]
    assert own == {condition: {"low_eq": 2.0} for condition in CONDITIONS}
    card["calibration"] = None  # of a model that says no spread
    silent = [save_model(shop / "silent", weights, card)]
    target = package(shop, trained.folder, "my_model", "It mixes.", None, folds=silent)
    assert json.loads((target / "model.json").read_text(encoding="utf-8"))["calibration"] is None


def test_no_place_of_this_machine_is_published(shop, trained):
    weights, card = load_model_files(trained.folder)
    card["config"]["data"] = {
        "root": "my music",
        "manifest": "~/songs.csv",
        "source": {"root": "/my music", "index": "/my/data/index", "more": ["file:///my/x"]},
    }
    run = save_model(shop / "run", weights, card)
    words = ["data.root=/my music", "model=cnn", "ckpt_path='/my music/x.ckpt'", "paths.data=data"]
    (run / "overrides.json").write_text(json.dumps(words))
    target = package(shop, run, "my_model", "It mixes.", None)
    config = json.loads((target / "model.json").read_text(encoding="utf-8"))["config"]
    assert "paths" not in config
    source = {"root": None, "index": "index", "more": ["x"]}
    assert config["data"] == {"root": None, "manifest": None, "source": source}
    assert "`make train model=cnn 'ckpt_path=…'`" in (target / "card.md").read_text(
        encoding="utf-8"
    )


def test_an_ensemble_names_its_members(shop, trained):
    weights, card = load_model_files(trained.folder)
    run = save_model(shop / "run", weights, card)
    kinds = ("enhanced_cnn.EnhancedCNN", "transformer.Transformer")
    members = [{"_target_": f"ai_mixer.models.{kind}"} for kind in kinds]
    assert _training_command(run) == "make ensemble runs=… (of unknown models)"
    card["config"]["model"] = {"members": members}
    run = save_model(shop / "joined", weights, card)
    assert _training_command(run) == "make ensemble runs=… (of enhanced_cnn, transformer)"


def test_a_model_that_was_never_judged_is_not_given_figures(shop, trained):
    table = board(shop, "mean_knobs", "another")
    with pytest.raises(ValueError, match="has no row my_model"):
        package(shop, trained.folder, "my_model", "It mixes.", table)
    with pytest.raises(ValueError, match=r"leaderboard=.*none.md: no table beside it"):
        package(shop, trained.folder, "my_model", "It mixes.", shop / "none.md")
