"""Only what is trusted is built: from a composed config, and from a stranger's model.json."""

import ast
import json
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import ai_mixer
from ai_mixer.config import instantiate
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import load_model_files, save_model
from ai_mixer.training.builders import (
    build_callbacks,
    build_components,
    build_evaluation_datamodule,
    build_system,
)

SMALL = ["model=mean_knobs", "loss=knobs_only", "data=folder", "loader.excerpt_s=0.5"]


@pytest.fixture
def cfg(compose, songs_folder):
    return compose(*SMALL, f"data.root={songs_folder}")


@pytest.fixture
def card(cfg, tmp_path):
    """The folder of a model as it comes by mail: model.json and model.safetensors."""
    parts = build_components(cfg)
    names = parts.console.names
    card = {
        "config": OmegaConf.to_container(cfg, resolve=True),
        "knobs": [],
        "trained": names,
        "mean_knobs": dict.fromkeys(names, 0.5),
    }
    return save_model(tmp_path / "mail", parts.system.model.state_dict(), card)


def rewrite(folder, key, value):
    """The card with one leaf of its config changed, the way a stranger would."""
    path = folder / "model.json"
    card = json.loads(path.read_text())
    config = OmegaConf.create(card["config"])
    OmegaConf.update(config, key, value)
    path.write_text(json.dumps({**card, "config": OmegaConf.to_container(config)}))
    return folder


@pytest.fixture
def outsider(tmp_path, monkeypatch):
    """A package of the user's own, with a model; importing it leaves a trace."""
    trace = tmp_path / "imported"
    (tmp_path / "outsider.py").write_text(
        f"import pathlib\npathlib.Path({str(trace)!r}).touch()\n"
        "from ai_mixer.models.mean_knobs import MeanKnobs\nclass Mine(MeanKnobs):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield trace
    sys.modules.pop("outsider", None)


EVIL = {"_target_": "outsider.Mine"}


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("model", {"_target_": "os.system", "command": "true"}, "model._target_=os.system"),
        ("model._target_", "torch.hub.load", "model._target_=torch.hub.load"),
        ("model", {"_target_": "outsider.Mine"}, "model._target_=outsider.Mine"),
        ("console.limiter", EVIL, "console.limiter._target_=outsider.Mine"),
        ("console.chain.6.effect", EVIL, "console.chain.6.effect._target_=outsider.Mine"),
        ("model.extra", [{"deep": EVIL}], "model.extra.0.deep._target_=outsider.Mine"),
        ("trainer", EVIL, "trainer._target_=outsider.Mine"),  # even where nothing is built of it
        ("data.source", EVIL, "data.source._target_=outsider.Mine"),
        ("model._target_", "${loot}", r"model._target_=${loot}"),
        ("model._target_", "ai_mixer.data.folder.Path.touch", "nothing of that name"),
        ("model._target_", "hydra.utils.get_method", "model._target_=hydra.utils.get_method"),
    ],
)
def test_a_card_that_names_other_code_is_refused(card, outsider, key, value, named):
    rewrite(card, key, value)
    with pytest.raises(ValueError, match="_target_") as caught:
        load_model(card)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not outsider.exists()
    assert "outsider" not in sys.modules


def test_a_card_cannot_vouch_for_itself(card, outsider):
    rewrite(card, "model._target_", "outsider.Mine")
    rewrite(card, "allow_targets", ["outsider"])
    with pytest.raises(ValueError, match=r"trusted=\[outsider\]"):
        load_model(card)
    assert not outsider.exists()


def test_whoever_loads_it_may_vouch(card, outsider):
    rewrite(card, "model._target_", "outsider.Mine")
    mixer = load_model(card, allow_targets=("outsider",))
    assert type(mixer.model).__name__ == "Mine"
    assert mixer.config.allow_targets == ["outsider"]  # so evaluating it needs no second word


def test_data_of_a_card_are_checked_when_they_are_built(card, outsider):
    """`held_out` builds from the card's config, or from another one."""
    mixer = load_model(card)
    bad = OmegaConf.create({"source": EVIL})
    with pytest.raises(ValueError, match=r"data\.source\._target_=outsider\.Mine"):
        build_evaluation_datamodule(mixer.config, mixer.console, bad, "any")
    assert not outsider.exists()


def test_an_honest_card_loads_as_ever(card):
    weights, _ = load_model_files(card)
    mixer = load_model(card)
    assert mixer.model.state_dict().keys() == weights.keys()
    assert mixer.config.allow_targets == []


def test_a_card_from_before_there_was_a_check(card):
    """Version 0.1.0 wrote neither `trusted` nor `system.all_conditions`."""
    path = card / "model.json"
    old = json.loads(path.read_text())
    del old["config"]["allow_targets"], old["config"]["system"]["all_conditions"]
    path.write_text(json.dumps(old))
    mixer = load_model(card)
    assert mixer.config.condition == "any"
    assert build_system(mixer.config, mixer.console).all_conditions


@pytest.mark.parametrize("key", ["trainer", "callbacks.best", "optimizer", "data.source"])
def test_training_refuses_before_anything_is_built(cfg, key, outsider, monkeypatch):
    monkeypatch.setattr(
        instantiate, "instantiate", lambda *_, **__: pytest.fail("something is built")
    )
    OmegaConf.update(cfg, f"{key}._target_", "outsider.Mine")
    with pytest.raises(ValueError, match=f"{key}._target_=outsider.Mine: not among"):
        build_components(cfg)
    assert not outsider.exists()


def test_a_package_of_one_s_own_is_one_word_away(compose, songs_folder, outsider):
    words = [*SMALL, f"data.root={songs_folder}", "model._target_=outsider.Mine"]
    parts = build_components(compose(*words, "allow_targets=[outsider]"))
    assert type(parts.system.model).__name__ == "Mine"


@pytest.mark.parametrize("condition", ["any", "blind", "reference", "paired"])
def test_a_condition_is_a_page_and_stays_a_word(compose, songs_folder, condition):
    cfg = compose(*SMALL, f"data.root={songs_folder}", f"condition={condition}")
    assert cfg.condition == condition
    parts = build_components(cfg)
    assert parts.data.task.condition == condition
    assert parts.system.all_conditions == (condition == "any")


def test_a_callback_is_left_out_by_null(compose):
    assert "early_stopping" in build_callbacks(compose())
    assert "early_stopping" not in build_callbacks(compose("callbacks.early_stopping=null"))
    assert build_callbacks(compose("callbacks=none")) == {}


def test_nobody_else_builds_what_a_config_names():
    """Hydra's instantiate is called where targets are checked, and for our own console pages."""
    package = Path(ai_mixer.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom | ast.Import)
        and any(name.name in {"instantiate", "call", "hydra.utils"} for name in node.names)
    }
    assert users == {"build.py", "console/load.py"}
