"""The pretrained ear is the published one, to the last digits, and hears any excerpt."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS
from ai_mixer.models import audioset_encoder
from ai_mixer.models.audioset_encoder import AudioSetBranch, AudioSetEncoder
from ai_mixer.models.audioset_weights import convert_keys
from helpers.signals import noise

FULL = 1024 * 160 + 240  # samples at 16 kHz of the 1024 frames it was trained on
BLIND, REFERENCE, PAIRED = map(CONDITIONS.index, ("blind", "reference", "paired"))


@pytest.fixture
def published(tiny, tmp_path):
    """(the authors' network as `transformers` has it, the file that it writes), random weights."""
    transformers = pytest.importorskip("transformers", reason="compares with the package's AST")
    from safetensors.torch import load_file

    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    config = transformers.ASTConfig(**size, intermediate_size=128)
    model = transformers.ASTForAudioClassification(config).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(tmp_path)
    return model.audio_spectrogram_transformer, load_file(tmp_path / "model.safetensors")


@pytest.fixture
def encoder(published):
    ours = AudioSetEncoder(16000).eval()
    ours.load_state_dict(convert_keys(published[1]))  # every name is found, none is left
    return ours


@torch.no_grad()
def test_hears_what_the_published_network_hears(encoder, published):
    """From samples to summary, through the authors' own feature extractor."""
    from transformers import ASTFeatureExtractor

    audio = noise(2, 1, FULL)
    rows = [row.numpy() for row in audio[:, 0]]
    given = ASTFeatureExtractor()(rows, sampling_rate=16000, return_tensors="pt")
    spectrogram = given["input_values"].transpose(1, 2)
    torch.testing.assert_close(encoder.spectrogram(audio), spectrogram, atol=1e-4, rtol=0)
    expected = published[0](**given).pooler_output
    assert expected.std() > 0.1
    torch.testing.assert_close(encoder(audio), expected, atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("frames", [16, 100, 498, 1023])
def test_shorter_excerpts_take_the_middle_of_the_positions(encoder, published, frames):
    """As the paper's code does: a network for that length, its positions cut from the long one."""
    from transformers import ASTConfig, ASTModel

    long, _ = published
    settings = {**long.config.to_dict(), "max_length": frames}
    short = ASTModel(ASTConfig(**settings)).eval()
    weights, name = long.state_dict(), "embeddings.position_embeddings"
    columns = (frames - 16) // 10 + 1
    grid = weights[name][:, 2:].reshape(1, 12, 101, 32)
    middle = grid[:, :, 50 - columns // 2 :][:, :, :columns].reshape(1, -1, 32)
    short.load_state_dict({**weights, name: torch.cat([weights[name][:, :2], middle], dim=1)})
    audio = noise(1, 1, frames * 160 + 240)
    expected = short(encoder.spectrogram(audio).transpose(1, 2)).pooler_output
    torch.testing.assert_close(encoder(audio), expected, atol=1e-4, rtol=0)


def test_as_large_as_the_published_one():
    with torch.device("meta"):
        encoder = AudioSetEncoder(44100)
    assert sum(weight.numel() for weight in encoder.parameters()) == 86_187_264


@torch.no_grad()
def test_longer_excerpts_are_heard_in_windows(tiny):
    """What repeats with the window's length sounds like one window of it."""
    encoder = AudioSetEncoder(16000).eval()
    once = noise(1, 1, 1024 * 160)
    twice = torch.cat([once, once, once[..., :240]], dim=-1)
    torch.testing.assert_close(encoder(twice), encoder(twice[..., :FULL]), atol=1e-5, rtol=0)
    assert not torch.allclose(encoder(twice), encoder(noise(1, 1, FULL, seed=1)), atol=1e-3)


@torch.no_grad()
def test_any_rate_sounds_alike(tiny):
    """One tone, sampled three ways: the same picture, to a hundredth of its spread."""
    pictures = []
    for rate in (16000, 44100, 48000):
        time = torch.arange(rate) / rate
        tone = torch.sin(2 * torch.pi * 1000 * time).expand(1, 2, -1)
        pictures.append(AudioSetEncoder(rate).spectrogram(tone)[..., 10:80])
    bands = pictures[0].mean(-1)[0].topk(5).indices  # away from the tone there is only rounding
    for other in pictures[1:]:
        torch.testing.assert_close(other[:, bands], pictures[0][:, bands], atol=0.01, rtol=0)


def listen(conditions, trainable=False):
    torch.manual_seed(0)
    listener = AudioSetBranch(16000, 8, 0.0, trainable)
    return listener, torch.tensor(conditions)


def test_each_excerpt_is_heard_once(tiny):
    """Whatever it stands for: the rough of three conditions, or the reference of two items."""
    listener, condition = listen([BLIND, REFERENCE, PAIRED, BLIND])
    rough, wanted = (
        noise(1, 2, 8000).expand(4, -1, -1),
        noise(1, 2, 8000, seed=1).expand(4, -1, -1),
    )
    heard = []
    listener.encoder.register_forward_pre_hook(lambda _, given: heard.append(len(given[0])))
    together = listener(rough, wanted, condition)
    assert heard == [2]
    for item in range(4):
        alone = listener(rough[:1], wanted[:1], condition[item : item + 1])
        torch.testing.assert_close(together[item], alone[0], atol=1e-5, rtol=0)


def test_a_blind_reference_is_not_heard(tiny):
    listener, condition = listen([BLIND, REFERENCE])
    rough = noise(2, 2, 8000)
    first, second = (listener(rough, noise(2, 2, 8000, seed=s), condition) for s in (1, 2))
    torch.testing.assert_close(first[0], second[0])
    assert not torch.allclose(first[1], second[1])


@pytest.mark.parametrize("trainable", [False, True])
def test_frozen_unless_asked(tiny, trainable):
    listener, condition = listen([REFERENCE, PAIRED], trainable)
    listener(noise(2, 2, 8000), noise(2, 2, 8000, seed=1), condition).square().sum().backward()
    moved = [weight.grad is not None for weight in listener.encoder.parameters()]
    assert all(moved) if trainable else not any(moved)
    assert all(weight.grad is not None for weight in listener.read.parameters())


def test_the_size_is_the_paper_s():
    assert (audioset_encoder.ROWS, audioset_encoder.COLUMNS) == (12, 101)
