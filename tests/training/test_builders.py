"""Only allowed targets are built, from a composed config and from a foreign model.json."""

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
    """Folder of a foreign model: model.json and model.safetensors."""
    parts = build_components(cfg)
    names = parts.console.names
    card = {
        "config": OmegaConf.to_container(cfg, resolve=True),
        "knobs": [],
        "trained": names,
        "mean_knobs": dict.fromkeys(names, 0.5),
    }
    return save_model(tmp_path / "foreign", parts.system.model.state_dict(), card)


def rewrite(folder, key, value):
    """Change one value of the config in a card."""
    path = folder / "model.json"
    card = json.loads(path.read_text())
    config = OmegaConf.create(card["config"])
    OmegaConf.update(config, key, value)
    path.write_text(json.dumps({**card, "config": OmegaConf.to_container(config)}))
    return folder


@pytest.fixture
def outsider(tmp_path, monkeypatch):
    """A package outside ai_mixer with a model. Returns a file that exists after its import."""
    imported = tmp_path / "imported"
    (tmp_path / "outsider.py").write_text(
        f"import pathlib\npathlib.Path({str(imported)!r}).touch()\n"
        "from ai_mixer.models.mean_knobs import MeanKnobs\nclass OwnModel(MeanKnobs):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield imported
    sys.modules.pop("outsider", None)


EVIL = {"_target_": "outsider.OwnModel"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model", {"_target_": "os.system", "command": "true"}, "model._target_=os.system"),
        ("model._target_", "torch.hub.load", "model._target_=torch.hub.load"),
        ("model", {"_target_": "outsider.OwnModel"}, "model._target_=outsider.OwnModel"),
        ("console.limiter", EVIL, "console.limiter._target_=outsider.OwnModel"),
        ("console.chain.6.effect", EVIL, "console.chain.6.effect._target_=outsider.OwnModel"),
        ("model.extra", [{"deep": EVIL}], "model.extra.0.deep._target_=outsider.OwnModel"),
        ("trainer", EVIL, "trainer._target_=outsider.OwnModel"),  # not built here, but checked
        ("data.source", EVIL, "data.source._target_=outsider.OwnModel"),
        ("model._target_", "${loot}", r"model._target_=${loot}"),
        ("model._target_", "ai_mixer.data.folder.Path.touch", "Path.touch"),
        ("model._target_", "hydra.utils.get_method", "model._target_=hydra.utils.get_method"),
    ],
)
def test_card_with_a_target_outside_the_allowed_packages_is_an_error(
    card, outsider, key, value, expected
):
    rewrite(card, key, value)
    with pytest.raises(ValueError, match="_target_") as error:
        load_model(card)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    assert not outsider.exists()
    assert "outsider" not in sys.modules


def test_a_card_cannot_allow_its_own_targets(card, outsider):
    rewrite(card, "model._target_", "outsider.OwnModel")
    rewrite(card, "allow_targets", ["outsider"])
    with pytest.raises(ValueError, match=r"=\[outsider\]"):
        load_model(card)
    assert not outsider.exists()


def test_the_caller_may_allow_targets(card, outsider):
    rewrite(card, "model._target_", "outsider.OwnModel")
    predictor = load_model(card, allow_targets=("outsider",))
    assert type(predictor.model).__name__ == "OwnModel"
    assert predictor.config.allow_targets == ["outsider"]  # also used when evaluating it


def test_data_configs_for_evaluation_are_checked(card, outsider):
    predictor = load_model(card)
    bad = OmegaConf.create({"source": EVIL})
    with pytest.raises(ValueError, match=r"data\.source\._target_=outsider\.OwnModel"):
        build_evaluation_datamodule(predictor.config, predictor.console, bad, "any")
    assert not outsider.exists()


def test_card_with_allowed_targets_is_loaded(card):
    weights, _ = load_model_files(card)
    predictor = load_model(card)
    assert predictor.model.state_dict().keys() == weights.keys()
    assert predictor.config.allow_targets == []


def test_card_of_version_0_1_0_is_loaded(card):
    """It has neither `allow_targets` nor `system.all_conditions`."""
    path = card / "model.json"
    old = json.loads(path.read_text())
    del old["config"]["allow_targets"], old["config"]["system"]["all_conditions"]
    path.write_text(json.dumps(old))
    predictor = load_model(card)
    assert predictor.config.condition == "any"
    assert build_system(predictor.config, predictor.console).all_conditions


@pytest.mark.parametrize("key", ["trainer", "callbacks.best", "optimizer", "data.source"])
def test_forbidden_target_is_an_error_before_anything_is_built(cfg, key, outsider, monkeypatch):
    monkeypatch.setattr(instantiate, "instantiate", lambda *_, **__: pytest.fail("called"))
    OmegaConf.update(cfg, f"{key}._target_", "outsider.OwnModel")
    with pytest.raises(ValueError, match=f"{key}._target_=outsider.OwnModel"):
        build_components(cfg)
    assert not outsider.exists()


def test_allow_targets_adds_a_package(compose, songs_folder, outsider):
    overrides = [*SMALL, f"data.root={songs_folder}", "model._target_=outsider.OwnModel"]
    parts = build_components(compose(*overrides, "allow_targets=[outsider]"))
    assert type(parts.system.model).__name__ == "OwnModel"


@pytest.mark.parametrize("condition", ["any", "blind", "reference", "paired"])
def test_condition_sets_the_task_and_all_conditions(compose, songs_folder, condition):
    cfg = compose(*SMALL, f"data.root={songs_folder}", f"condition={condition}")
    assert cfg.condition == condition
    parts = build_components(cfg)
    assert parts.data.task.condition == condition
    assert parts.system.all_conditions == (condition == "any")


def test_a_callback_set_to_null_is_left_out(compose):
    assert "early_stopping" in build_callbacks(compose())
    assert "early_stopping" not in build_callbacks(compose("callbacks.early_stopping=null"))
    assert build_callbacks(compose("callbacks=none")) == {}


def test_only_two_modules_import_hydras_instantiate():
    """One checks targets; the other reads the console configs of the package."""
    package = Path(ai_mixer.__file__).parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom | ast.Import)
        and any(name.name in {"instantiate", "call", "hydra.utils"} for name in node.names)
    }
    assert users == {"config/instantiate.py", "console/load.py"}
