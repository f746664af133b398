"""The pretrained encoder is asked for, never assumed: what was built is said, and stays so."""

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

FALL_BACK = "or go on without it by model.encoder_fallback=scratch"


def build(**more):
    torch.manual_seed(0)
    return ASTRegressor(10, 44100, width=16, depth=1, **more)


@pytest.fixture
def hub(monkeypatch):
    """A hub of our own: `answers` are given or raised one after the other; `asked` is kept."""
    hub = SimpleNamespace(answers=[], asked=[])

    def download(repository, file, **how):
        hub.asked.append({"repository": repository, **how})
        answer = hub.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stub = SimpleNamespace(hf_hub_download=download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stub)
    return hub


@pytest.fixture
def unavailable(monkeypatch):
    def refuse():
        raise UnavailableError("no such thing here", "build it")

    monkeypatch.setattr(encoders, "audioset_weights", refuse)


@pytest.fixture
def available(tiny, monkeypatch):
    """Weights as the hub would give them; returns them."""
    torch.manual_seed(1)
    weights = AudioSetEncoder(44100).state_dict()
    monkeypatch.setattr(encoders, "audioset_weights", lambda: weights)
    return weights


def test_nothing_is_loaded_unless_asked_for():
    code = (
        "import sys; from ai_mixer.models.ast_regressor import ASTRegressor; "
        "ASTRegressor(10, 44100); "
        "print([m for m in ('transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_default_is_from_scratch_and_says_so():
    model = build()
    assert model.tags == {"model.encoder": "scratch"}
    assert not model.rebuild_config
    assert model.listener is None


def test_the_cache_is_asked_first_and_for_one_revision(hub, tmp_path, capsys):
    hub.answers = [str(tmp_path / "cached")]
    assert weights_file() == tmp_path / "cached"
    (asked,) = hub.asked
    assert asked["local_files_only"]
    assert len(asked["revision"]) == 40
    assert capsys.readouterr().out == ""


def test_what_is_not_cached_is_fetched_once_and_announced(hub, tmp_path, capsys):
    hub.answers = [FileNotFoundError("not cached"), str(tmp_path / "fetched")]
    assert weights_file() == tmp_path / "fetched"
    assert [asked.get("local_files_only", False) for asked in hub.asked] == [True, False]
    (line,) = capsys.readouterr().out.splitlines()
    assert "346 MB" in line


def test_offline_names_the_ways_out(hub):
    hub.answers = [FileNotFoundError("not cached"), ConnectionError("no route\nto host")]
    with pytest.raises(ValueError, match=r"model\.encoder=audioset: .*: go online") as caught:
        build(encoder="audioset")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(FALL_BACK)


def test_without_the_extra_the_ways_out_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if not installed
    with pytest.raises(ValueError, match=r"pip install 'ai-mixer\[encoders\]'") as caught:
        build(encoder="audioset")
    assert str(caught.value).endswith(FALL_BACK)


def test_the_fallback_is_the_small_one_said_and_tagged(unavailable, capsys):
    model = build(encoder="audioset", encoder_fallback="scratch")
    tag = "scratch (audioset not available: no such thing here)"
    assert model.tags == {"model.encoder": tag}
    assert capsys.readouterr().out.splitlines() == [f"model.encoder: {tag}"]
    scratch = build().state_dict()
    assert set(model.state_dict()) == set(scratch)
    assert all(weights.equal(scratch[name]) for name, weights in model.state_dict().items())


@pytest.mark.parametrize("word", ["encoder", "encoder_fallback"])
def test_other_words_are_answered_with_the_menu(word):
    with pytest.raises(ValueError, match=f"model.{word}=nonsense: there is (audioset|scratch)"):
        build(**{word: "nonsense"})


def test_the_weights_arrive(available):
    model = build(encoder="audioset")
    assert model.tags == {"model.encoder": "audioset"}
    arrived = model.listener.encoder.state_dict()
    assert all(weights.equal(arrived[name]) for name, weights in available.items())


def test_a_file_that_holds_something_else_is_refused(hub, tmp_path):
    save_file({"audio_spectrogram_transformer.nonsense": torch.zeros(1)}, tmp_path / "file")
    hub.answers = [str(tmp_path / "file")]
    with pytest.raises(ValueError, match="not the published weights"):
        audioset_weights.audioset_weights()


@pytest.fixture
def kept(monkeypatch, tmp_path, compose):
    """A function: words for the model → what a run keeps of it, and its knobs for some noise."""
    from ai_mixer.cli.pipeline import _save_trained_model
    from ai_mixer.inference.builders import build_console
    from ai_mixer.training.builders import build_system

    monkeypatch.setattr("ai_mixer.cli.pipeline.calibrate", lambda *_: None)  # has no songs here

    def keep(*words):
        torch.manual_seed(0)
        cfg = compose("model.width=16", "model.depth=1", *words)
        console = build_console(cfg)
        system = build_system(cfg, console)
        parts = SimpleNamespace(console=console, system=system, data=None)
        system.knob_count += 1  # as if every knob had been seen
        _save_trained_model(cfg, parts, SimpleNamespace(artifact_dir=tmp_path, id="0"))
        with torch.no_grad():
            return tmp_path, system.model.eval()(*heard())

    return keep


def heard():
    noise = 0.1 * torch.randn(2, 3, 2, 44100, generator=torch.Generator().manual_seed(0))
    return noise[0], noise[1], torch.arange(3)


def loaded(folder):
    from ai_mixer import load_model

    with torch.no_grad():
        return load_model(folder).model(*heard())


def test_a_saved_model_needs_no_network(available, kept, monkeypatch):
    folder, knobs = kept("model.encoder=audioset")
    monkeypatch.setattr(encoders, "audioset_weights", lambda: pytest.fail("fetched"))
    torch.testing.assert_close(loaded(folder), knobs)


def test_a_saved_fallback_stays_one_where_the_encoder_is_there(
    unavailable, kept, monkeypatch, capsys
):
    folder, knobs = kept("model.encoder=audioset", "model.encoder_fallback=scratch")
    capsys.readouterr()
    monkeypatch.setattr(encoders, "audioset_weights", lambda: pytest.fail("fetched"))
    torch.testing.assert_close(loaded(folder), knobs)
    assert capsys.readouterr().out == ""
