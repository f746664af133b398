"""A model is saved as weights and card, and loaded with checks."""

import json
from pathlib import Path

import pytest
import torch

from ai_mixer.tracking.model_files import load_model_files, save_model

KNOB = {"name": "low_eq", "unit": "dB", "low": -6, "high": 6, "scale": "linear", "neutral": 0}
MODEL_CARD = {"config": {"model": {"width": 8}}, "knobs": [KNOB], "trained": [True]}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model", {"w": torch.arange(6.0).reshape(2, 3)}, MODEL_CARD)


def test_save_and_load_round_trip(tmp_path: Path) -> None:
    shared = torch.randn(4, 4)
    weights = {
        "a": shared,
        "tied": shared,
        "transposed": torch.randn(3, 2).T,
        "count": torch.tensor(7),
        "half": torch.randn(3).to(torch.bfloat16),
    }
    loaded, card = load_model_files(save_model(tmp_path, weights, MODEL_CARD))
    assert loaded.keys() == weights.keys()
    for name, weight in weights.items():
        assert loaded[name].dtype == weight.dtype
        assert torch.equal(loaded[name], weight)
    assert card["format"] == 1
    assert {key: card[key] for key in MODEL_CARD} == MODEL_CARD
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_saving_replaces_the_old_model(model: Path) -> None:
    save_model(model, {"w": torch.zeros(1)}, MODEL_CARD)
    assert load_model_files(model)[0]["w"].shape == (1,)


@pytest.mark.parametrize("card", [{"config": {}}, {**MODEL_CARD, "config": {"x": object()}}])
def test_a_wrong_card_is_an_error_before_writing(tmp_path: Path, card: dict) -> None:
    with pytest.raises(ValueError, match="model card"):
        save_model(tmp_path / "model", {}, card)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_missing_file_is_an_error(model: Path, name: str) -> None:
    (model / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"no {name} in "):
        load_model_files(model)


def test_damaged_weights_are_an_error(model: Path) -> None:
    blob = bytearray((model / "model.safetensors").read_bytes())
    blob[-1] ^= 1
    (model / "model.safetensors").write_bytes(blob)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        load_model_files(model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "JSON"),
        ("[]", "has format None"),
        (json.dumps({"format": 99}), "has format 99, this version reads 1"),
        (json.dumps({"format": 1}), "lacks config, knobs, trained, weights_sha256"),
    ],
)
def test_a_card_of_another_format_is_an_error(model: Path, text: str, message: str) -> None:
    (model / "model.json").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_model_files(model)
    assert "\n" not in str(error.value)
