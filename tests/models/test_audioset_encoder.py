"""AudioSetEncoder accepts any excerpt length; each distinct excerpt is encoded once."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS
from ai_mixer.models.audioset_encoder import AudioSetBranch, AudioSetEncoder
from helpers.signals import noise, sine

FULL = 1024 * 160 + 240  # samples at 16 kHz of the 1024 frames of the training input
BLIND, REFERENCE, PAIRED = map(CONDITIONS.index, ("blind", "reference", "paired"))


def test_number_of_parameters_is_that_of_the_published_network():
    with torch.device("meta"):
        encoder = AudioSetEncoder(44100)
    assert sum(weight.numel() for weight in encoder.parameters()) == 86_187_264


@torch.no_grad()
def test_longer_excerpts_are_split_into_windows(small_encoder):
    """A signal that repeats with the window's length has the embedding of one window."""
    encoder = AudioSetEncoder(16000).eval()
    once = noise(1, 1, 1024 * 160)
    twice = torch.cat([once, once, once[..., :240]], dim=-1)
    torch.testing.assert_close(encoder(twice), encoder(twice[..., :FULL]), atol=1e-5, rtol=0)
    assert not torch.allclose(encoder(twice), encoder(noise(1, 1, FULL, seed=1)), atol=1e-3)


@torch.no_grad()
def test_spectrogram_does_not_depend_on_the_sample_rate(small_encoder):
    """A tone at three sample rates: equal within a hundredth of the bands' standard deviation."""
    spectrograms = []
    for rate in (16000, 44100, 48000):
        tone = sine(1000, rate=rate).float().expand(1, 2, -1)
        spectrograms.append(AudioSetEncoder(rate).spectrogram(tone)[..., 10:80])
    first = spectrograms[0]
    bands = first.mean(-1)[0].topk(5).indices  # the other bands contain rounding errors only
    for other in spectrograms[1:]:
        torch.testing.assert_close(other[:, bands], first[:, bands], atol=0.01, rtol=0)


def build_branch(conditions, trainable=False):
    torch.manual_seed(0)
    branch = AudioSetBranch(16000, 8, 0.0, trainable)
    return branch, torch.tensor(conditions)


def test_each_distinct_excerpt_is_encoded_once(small_encoder):
    """The same rough under three conditions, and the same reference for several items."""
    branch, condition = build_branch([BLIND, REFERENCE, PAIRED, BLIND])
    rough, reference = (noise(1, 2, 8000, seed=seed).expand(4, -1, -1) for seed in (0, 1))
    batch_sizes = []
    branch.encoder.register_forward_pre_hook(lambda _, args: batch_sizes.append(len(args[0])))
    together = branch(rough, reference, condition)
    assert batch_sizes == [2]
    for item in range(4):
        alone = branch(rough[:1], reference[:1], condition[item : item + 1])
        torch.testing.assert_close(together[item], alone[0], atol=1e-5, rtol=0)


def test_reference_is_ignored_when_blind(small_encoder):
    branch, condition = build_branch([BLIND, REFERENCE])
    rough = noise(2, 2, 8000)
    first, second = (branch(rough, noise(2, 2, 8000, seed=s), condition) for s in (1, 2))
    torch.testing.assert_close(first[0], second[0])
    assert not torch.allclose(first[1], second[1])


@pytest.mark.parametrize("trainable", [False, True])
def test_encoder_has_gradients_only_if_trainable(small_encoder, trainable):
    branch, condition = build_branch([REFERENCE, PAIRED], trainable)
    branch(noise(2, 2, 8000), noise(2, 2, 8000, seed=1), condition).square().sum().backward()
    trained = [weight.grad is not None for weight in branch.encoder.parameters()]
    assert all(trained) if trainable else not any(trained)
    assert all(weight.grad is not None for weight in branch.read.parameters())
