"""The encoder is stored with the run, and nothing is downloaded after the training."""

import json
from pathlib import Path

import pytest
import torch

from ai_mixer.cli.pipeline import train
from ai_mixer.models import audioset_encoder, encoders
from ai_mixer.models.audioset_weights import UnavailableError
from ai_mixer.tracking import Store

pytestmark = pytest.mark.slow

AUDIOSET = ["model=ast_regressor", "model.width=16", "model.depth=1", "model.encoder=audioset"]


@pytest.fixture
def toy_encoder(monkeypatch):
    for name, value in {"WIDTH": 32, "DEPTH": 2, "HEADS": 4}.items():
        monkeypatch.setattr(audioset_encoder, name, value)


@pytest.fixture
def trained_once(small_overrides, compose, home, toy_encoder, monkeypatch):
    """Factory: weights of the hub (or its error), overrides → folder and tags of the run."""

    def make(weights, *overrides):
        def fetch():
            downloads.append(weights)
            if isinstance(weights, Exception):
                raise weights
            assert len(downloads) == 1, "downloaded twice"
            return weights

        downloads = []
        monkeypatch.setattr(encoders, "audioset_weights", fetch)
        others = [text for text in small_overrides if not text.startswith("model")]
        cfg, defaults = compose(*others, *AUDIOSET, *overrides), compose()
        defaults.run_name = cfg.run_name
        run = train(cfg, defaults, AUDIOSET, {"model": "ast_regressor"})
        assert len(downloads) == 1
        return Path(run.artifact_dir), Store(home / "mlruns").client.get_run(run.id).data.tags

    return make


def test_pretrained_encoder_is_stored_with_the_model(trained_once):
    weights = audioset_encoder.AudioSetEncoder(44100).state_dict()
    folder, tags = trained_once(weights)
    assert tags["model.encoder"] == "audioset"
    card = json.loads((folder / "model.json").read_text())
    assert card["config"]["model"]["encoder"] == "audioset"
    assert card["config"]["model"]["encoder_pretrained"] is False
    from safetensors.torch import load_file

    kept = load_file(folder / "model.safetensors")
    frozen = {f"listener.encoder.{name}": weight for name, weight in weights.items()}
    assert all(torch.equal(kept[name], weight) for name, weight in frozen.items())
    assert (folder / "eval" / "tables.md").is_file()


def test_fallback_encoder_is_stored_as_a_tag(trained_once, log):
    folder, tags = trained_once(
        UnavailableError("offline", "go online"), "model.encoder_fallback=scratch"
    )
    expected = "scratch (audioset not available: offline)"
    assert tags["model.encoder"] == expected
    assert log.messages.count(f"model.encoder: {expected}") == 1
    assert json.loads((folder / "model.json").read_text())["config"]["model"]["encoder"] is None
