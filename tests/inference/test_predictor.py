"""`Predictor`: predicted and applied knobs, the mix, devices, packaged names."""

import shutil
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from ai_mixer import load_model
from ai_mixer.audio import AudioFile
from ai_mixer.inference import pretrained
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.windowed_prediction import predict_song
from helpers.signals import noise

RATE = 44_100


@pytest.fixture
def mixer(two_models):
    return load_model(two_models / "ast_regressor")


@pytest.fixture
def uncertain(mixer):
    """The model with a large uncertainty, so that the stages differ."""
    torch.nn.init.constant_(mixer.model.spread.linear.bias, -1.5)
    return mixer


@pytest.mark.parametrize(
    ("shape", "conditioning"),
    [((2,), {}), ((1,), {}), ((2, 2), {}), ((2, 2), {"reference": 1.0}), ((2,), {"finished": 0.7})],
)
def test_mix_is_rendered_with_the_applied_knobs(uncertain, shape, conditioning):
    audio = 0.1 * noise(*shape, seconds=0.6)
    given = {name: level * audio.flip(-1) for name, level in conditioning.items()}
    stages = uncertain.stages(audio, RATE, **given)
    assert stages.predicted.knobs.equal(uncertain.predict(audio, RATE, **given))
    assert not torch.allclose(stages.applied.knobs, stages.predicted.knobs, atol=1e-3)
    songs = audio if audio.dim() == 3 else audio[None]
    mix = uncertain.mix(audio, RATE, **given)
    expected = uncertain.console(songs, RATE, stages.applied.knobs)
    torch.testing.assert_close(mix, expected.reshape(audio.shape))


def test_refinement_changes_the_applied_knobs_only(uncertain):
    audio, reference = 0.1 * noise(2, 2, seconds=1.5, seed=3)
    refined, shrunk = (
        uncertain.stages(audio, RATE, reference, refine=refine) for refine in (True, False)
    )
    assert refined.predicted.knobs.equal(shrunk.predicted.knobs)
    assert not torch.allclose(refined.applied.knobs, shrunk.applied.knobs, atol=1e-3)
    assert shrunk.applied.knobs.equal(uncertain.shrink(shrunk.predicted).knobs)


def test_untrained_knobs_are_neutral_at_both_stages(uncertain):
    uncertain.trained_knobs = torch.zeros_like(uncertain.trained_knobs)
    for knobs, *_ in uncertain.stages(noise(2, seconds=1), RATE):
        assert knobs.equal(uncertain.console.neutral[None])


def test_a_tensor_and_its_file_are_mixed_with_the_same_knobs(uncertain, song, music):
    """With a reference: the command line refines, and so does `mix`."""
    file, reference = AudioFile(song), music.flip(-1)
    of_file = predict_song(uncertain, file, file)
    of_tensor = uncertain.stages(music, RATE, music)
    for one, other in zip(of_file, of_tensor, strict=True):
        torch.testing.assert_close(one.knobs, other.knobs, atol=5e-3, rtol=0)
    other = uncertain.stages(music, RATE, reference).applied.knobs
    assert not torch.allclose(other, of_tensor.applied.knobs, atol=5e-3)


def test_a_model_that_joins_windows_gets_each_song_as_one_excerpt(mixer, song, music):
    class Joining(torch.nn.Module):
        joins_windows = True
        lengths: ClassVar = []

        def forward(self, rough, reference, condition):
            self.lengths.append((rough.shape[-1], reference.shape[-1]))
            return mixer.console.neutral.expand(len(rough), -1)

    mixer.model, mixer.window = Joining(), RATE
    seconds = music.shape[-1] // RATE
    assert seconds > 1
    mixer.predict(music, RATE)
    predict_song(mixer, AudioFile(song), AudioFile(song))
    assert Joining.lengths == 2 * [(seconds * RATE, seconds * RATE)]


def test_results_can_be_used_in_training(uncertain):
    """They are normal tensors, which autograd may save."""
    audio = (0.1 * noise(1, 2, seconds=0.5)).requires_grad_()
    knobs = uncertain.stages(audio.detach(), RATE).applied.knobs
    uncertain.console(audio, RATE, knobs).square().sum().backward()
    assert audio.grad.abs().sum() > 0
    assert not uncertain.mix(audio, RATE).requires_grad


def test_to_moves_every_tensor(mixer):
    assert mixer.to("meta") is mixer
    assert mixer.device.type == "meta"
    tensors = [value for value in vars(mixer).values() if torch.is_tensor(value)]
    tensors += [*mixer.model.parameters(), *mixer.model.buffers(), *mixer.console.buffers()]
    assert len(tensors) > 10
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_mix_on_the_gpu_equals_that_on_the_cpu(mixer):
    audio, reference = 0.1 * noise(2, 2, seconds=1)
    expected = mixer.mix(audio, RATE, reference)
    mix = mixer.to("cuda").mix(audio, RATE, reference)
    assert mix.is_cuda
    torch.testing.assert_close(mix.cpu(), expected, atol=1e-3, rtol=0)


def test_the_default_without_a_reference_may_be_another_model(
    packaged_models, tmp_path, monkeypatch
):
    shutil.copytree(packaged_models, tmp_path / "models")
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path / "models")
    assert pretrained.default_note("baseline_cnn") == "  (default)"
    assert pretrained.blind_model() == pretrained.default_model() == "baseline_cnn"
    (pretrained.MODELS_DIR / "blind.txt").write_text("ast_regressor\n")
    assert pretrained.blind_model() == "ast_regressor"
    assert pretrained.default_note("ast_regressor") == "  (default without a reference)"
    assert pretrained.default_note("baseline_cnn") == "  (default with a reference)"
    assert resolve_model(None, blind=True)[0] == "ast_regressor"
    assert resolve_model(None)[0] == resolve_model("baseline_cnn", blind=True)[0] == "baseline_cnn"


@pytest.mark.parametrize("name", ["ast_regressor", "AST Regressor"])
def test_a_packaged_model_is_loaded_by_its_name(packaged_models, name, tmp_path, monkeypatch):
    expected = load_model(pretrained.model_folder("ast_regressor")).card
    (tmp_path / "ast_regressor").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_model(name).card == expected
    with pytest.raises(FileNotFoundError, match="packaged models: baseline_cnn, ast_regressor"):
        load_model(Path("ast_regressor"))
    with pytest.raises(FileNotFoundError, match="packaged models: baseline_cnn, ast_regressor"):
        load_model("ast_regresor")
