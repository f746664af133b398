"""Selection of the encoder: pretrained, scratch or fallback; saved models rebuild the same one."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from ai_mixer.models import audioset_weights, encoders
from ai_mixer.models.ast_regressor import ASTRegressor
from ai_mixer.models.audioset_encoder import AudioSetEncoder
from ai_mixer.models.audioset_weights import UnavailableError, weights_file
from helpers.signals import noise

FALLBACK_OPTION = "model.encoder_fallback=scratch"


def build(**options):
    torch.manual_seed(0)
    return ASTRegressor(10, 44100, width=16, depth=1, **options)


@pytest.fixture
def hub(monkeypatch):
    """Fake huggingface_hub: returns or raises `results` in order and records `requests`."""
    hub = SimpleNamespace(results=[], requests=[])

    def download(repository, file, **options):
        hub.requests.append({"repository": repository, **options})
        result = hub.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    stub = SimpleNamespace(hf_hub_download=download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stub)
    return hub


@pytest.fixture
def unavailable(monkeypatch):
    def fail():
        raise UnavailableError("no network", "connect")

    monkeypatch.setattr(encoders, "audioset_weights", fail)


@pytest.fixture
def available(small_encoder, monkeypatch):
    """The weights that `audioset_weights` returns."""
    torch.manual_seed(1)
    weights = AudioSetEncoder(44100).state_dict()
    monkeypatch.setattr(encoders, "audioset_weights", lambda: weights)
    return weights


@pytest.mark.slow
def test_default_model_does_not_import_the_encoder_libraries():
    code = (
        "import sys; from ai_mixer.models.ast_regressor import ASTRegressor; "
        "ASTRegressor(10, 44100); "
        "print([m for m in ('transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_default_encoder_is_scratch():
    model = build()
    assert model.tags == {"model.encoder": "scratch"}
    assert not model.rebuild_config
    assert model.listener is None


def test_a_cached_file_is_used_without_download(hub, tmp_path, log):
    hub.results = [str(tmp_path / "cached")]
    assert weights_file() == tmp_path / "cached"
    (request,) = hub.requests
    assert request["local_files_only"]
    assert len(request["revision"]) == 40
    assert not log.messages


def test_a_file_that_is_not_cached_is_downloaded(hub, tmp_path, log):
    hub.results = [FileNotFoundError("not cached"), str(tmp_path / "downloaded")]
    assert weights_file() == tmp_path / "downloaded"
    assert [request.get("local_files_only", False) for request in hub.requests] == [True, False]
    (message,) = log.messages
    assert "346 MB" in message


def test_error_offline_names_the_fallback_option(hub):
    hub.results = [FileNotFoundError("not cached"), ConnectionError("no route\nto host")]
    with pytest.raises(ValueError, match=r"model\.encoder=audioset: .*ConnectionError") as caught:
        build(encoder="audioset")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(FALLBACK_OPTION)


def test_error_without_the_extra_names_the_command_and_the_fallback_option(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if not installed
    with pytest.raises(ValueError, match=r"pip install 'ai-mixer\[encoders\]'") as caught:
        build(encoder="audioset")
    assert str(caught.value).endswith(FALLBACK_OPTION)


def test_fallback_builds_the_scratch_encoder_and_is_logged_and_tagged(unavailable, log):
    model = build(encoder="audioset", encoder_fallback="scratch")
    tag = "scratch (audioset not available: no network)"
    assert model.tags == {"model.encoder": tag}
    assert log.messages == [f"model.encoder: {tag}"]
    scratch = build().state_dict()
    assert set(model.state_dict()) == set(scratch)
    assert all(weights.equal(scratch[name]) for name, weights in model.state_dict().items())


@pytest.mark.parametrize("option", ["encoder", "encoder_fallback"])
def test_unknown_encoder_names_are_errors(option):
    with pytest.raises(ValueError, match=f"model.{option}=nonsense.*(audioset|scratch)"):
        build(**{option: "nonsense"})


def test_pretrained_weights_are_loaded(available):
    model = build(encoder="audioset")
    assert model.tags == {"model.encoder": "audioset"}
    loaded_weights = model.listener.encoder.state_dict()
    assert all(weights.equal(loaded_weights[name]) for name, weights in available.items())


def test_a_file_with_other_keys_is_an_error(hub, tmp_path):
    save_file({"audio_spectrogram_transformer.nonsense": torch.zeros(1)}, tmp_path / "file")
    hub.results = [str(tmp_path / "file")]
    with pytest.raises(ValueError, match="not the published weights"):
        audioset_weights.audioset_weights()


@pytest.fixture
def save_model(monkeypatch, tmp_path, compose):
    """A function: overrides of the model → folder of the saved model, and its knobs for noise."""
    from ai_mixer.cli.pipeline import _save_trained_model
    from ai_mixer.inference.builders import build_console
    from ai_mixer.training.builders import build_system

    monkeypatch.setattr("ai_mixer.cli.pipeline.calibrate", lambda *_: None)  # there are no songs

    def save(*overrides):
        torch.manual_seed(0)
        cfg = compose("model.width=16", "model.depth=1", *overrides)
        console = build_console(cfg)
        system = build_system(cfg, console)
        parts = SimpleNamespace(console=console, system=system, data=None)
        system.knob_count += 1  # as if every knob had been trained
        _save_trained_model(cfg, parts, SimpleNamespace(artifact_dir=tmp_path, id="0"))
        with torch.no_grad():
            return tmp_path, system.model.eval()(*inputs())

    return save


def inputs():
    return *noise(2, 3, 2, 44100), torch.arange(3)


def knobs_of_loaded_model(folder):
    from ai_mixer import load_model

    with torch.no_grad():
        return load_model(folder).model(*inputs())


def test_a_saved_model_is_loaded_without_download(available, save_model, monkeypatch):
    folder, knobs = save_model("model.encoder=audioset")
    monkeypatch.setattr(encoders, "audioset_weights", lambda: pytest.fail("downloads"))
    torch.testing.assert_close(knobs_of_loaded_model(folder), knobs)


def test_a_saved_fallback_model_is_loaded_as_it_was_built(
    unavailable, save_model, monkeypatch, log
):
    folder, knobs = save_model("model.encoder=audioset", "model.encoder_fallback=scratch")
    log.clear()
    monkeypatch.setattr(encoders, "audioset_weights", lambda: pytest.fail("downloads"))
    torch.testing.assert_close(knobs_of_loaded_model(folder), knobs)
    assert not log.messages
