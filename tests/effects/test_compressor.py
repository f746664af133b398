"""Tests of the compressor: equality with a naive loop, inverse, gradients, audibility."""

import math
from functools import partial

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from ai_mixer.effects.compressor import Compressor
from helpers import signals
from helpers.measures import residual_db
from helpers.music import finished_songs

RATE = 44_100

noise = partial(signals.noise, level=1.0, dtype=torch.float64)


def songs(seconds=0.5):
    """[4, 2, T]: noise, bursts, a square wave with steps in level, and clicks in silence."""
    length = int(seconds * RATE)
    time = torch.arange(length) / RATE
    burst = noise(2, length, seed=1) * ((time * 13) % 1 < 0.3)
    square = torch.sign(torch.sin(2 * torch.pi * 110 * time)) * (0.02 + ((time * 7) % 1 > 0.5))
    clicks = torch.zeros(2, length)
    clicks[:, ::997] = 1.0
    return torch.stack([0.3 * noise(2, length), burst, square.expand(2, -1), clicks])


def naive_compress(x, rate, ratio, threshold, attack_ms, release_ms, knee, cap):
    """Giannoulis et al. 2012, eqs. 4 and 16, sample by sample. x: [C, T]."""
    attack, release = (math.exp(-1000 / (ms * rate)) for ms in (attack_ms, release_ms))
    y, g = np.zeros_like(x), 0.0
    for n in range(x.shape[1]):
        level = 20 * math.log10(max(np.abs(x[:, n]).max(), 1e-6))
        over = level - threshold
        if 2 * over < -knee:
            out = level
        elif 2 * abs(over) <= knee:
            out = level + (1 / ratio - 1) * (over + knee / 2) ** 2 / (2 * knee)
        else:
            out = threshold + over / ratio
        c = max(out - level, -cap)
        pole = attack if c < g else release
        g = pole * g + (1 - pole) * c
        y[:, n] = x[:, n] * 10 ** (g / 20)
    return y


@pytest.mark.parametrize("rate", [RATE, 96_000])
@pytest.mark.parametrize(("dtype", "limit_db"), [(torch.float64, -250), (torch.float32, -130)])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 8.0])
def test_equals_a_naive_loop(ratio, dtype, limit_db, rate):
    parameters = (-24.0, 3.0, 60.0, 4.0, 7.0)
    x = songs(0.1).to(dtype)
    y = Compressor(*parameters)(x, rate, ratio=torch.full((4,), ratio, dtype=dtype))
    for item in range(4):
        want = naive_compress(x[item].double().numpy(), rate, ratio, *parameters)
        assert residual_db(y[item], torch.from_numpy(want)) < limit_db  # required: −60 dB


@pytest.mark.parametrize(("time_ms", "up"), [(10.0, True), (100.0, False)])
def test_a_step_reaches_63_percent_after_its_time_constant(time_ms, up):
    levels = [0.01, 0.5] if up else [0.5, 0.01]
    x = torch.tensor(levels, dtype=torch.float64).repeat_interleave(RATE)[None, None]
    reduction = Compressor().gain_reduction_db(x, RATE, torch.tensor([4.0]))[0, RATE - 1 :]
    progress = (reduction - reduction[0]) / (reduction[-1] - reduction[0])
    assert progress[round(time_ms / 1000 * RATE)].item() == pytest.approx(1 - 1 / math.e, abs=2e-3)


def test_static_reduction_follows_the_ratio_up_to_the_cap():
    compressor = Compressor(threshold_db=-18.0, max_reduction_db=9.0)
    x = 10 ** (torch.tensor([-30.0, -10.0, 0.0]) / 20)[:, None, None].expand(3, 1, 2 * RATE)
    reduction = compressor.gain_reduction_db(x, RATE, torch.tensor([4.0, 4.0, 4.0]))[:, -1]
    torch.testing.assert_close(reduction, torch.tensor([0.0, 6.0, 9.0]).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ratio_one_is_exactly_the_identity(dtype):
    x, one = songs().to(dtype), torch.ones(4, dtype=dtype)
    assert torch.equal(Compressor()(x, RATE, ratio=one), x)
    assert torch.equal(Compressor().invert(x, RATE, ratio=one), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ratio_one_gives_the_same_bits_in_a_batch_and_alone(dtype):
    """Alone the computation is skipped, in a batch it is not."""
    x, ratio = 10 * songs().to(dtype), torch.tensor([1.0, 8.0, 1.0, 8.0], dtype=dtype)
    compressor = Compressor()
    for method in (compressor, compressor.invert, compressor.audible):
        together = method(x, RATE, ratio=ratio)
        for item in range(4):
            alone = method(x[item : item + 1], RATE, ratio=ratio[item : item + 1])
            assert torch.equal(alone[0], together[item])


def test_channels_are_linked():
    loud, ratio = songs()[:, :1], torch.full((4,), 4.0)
    alone = Compressor()(loud, RATE, ratio=ratio)
    quiet = torch.cat([loud, -0.1 * loud], dim=1)
    expected = torch.cat([alone, -0.1 * alone], dim=1)
    torch.testing.assert_close(Compressor()(quiet, RATE, ratio=ratio), expected)
    torch.testing.assert_close(Compressor()(quiet.flip(1), RATE, ratio=ratio), expected.flip(1))


@pytest.mark.parametrize(("dtype", "limit_db"), [(torch.float64, -250), (torch.float32, -130)])
@pytest.mark.parametrize("ratio", [1.0, 1.2, 2.0, 4.0, 8.0])
def test_inverse(dtype, limit_db, ratio):
    y, ratios = songs().to(dtype), torch.full((4,), ratio, dtype=dtype)
    x = Compressor().invert(y, RATE, ratio=ratios)
    assert x.dtype == dtype
    again = Compressor()(x, RATE, ratio=ratios)
    for item in range(4):
        assert residual_db(again[item], y[item]) < limit_db  # required: −100 and −90 dB
    assert residual_db(Compressor().invert(again, RATE, ratio=ratios), x) < limit_db


@settings(deadline=None, max_examples=60)
@given(
    ratio=st.floats(1.0, 50.0),
    threshold_db=st.floats(-50.0, -3.0),
    attack_ms=st.floats(0.01, 200.0),
    release_ms=st.floats(0.01, 2000.0),
    knee_db=st.floats(0.01, 24.0),
    max_reduction_db=st.floats(0.5, 30.0),
    level=st.floats(0.01, 30.0),
    seed=st.integers(0, 99),
)
def test_inverse_for_random_parameters(ratio, level, seed, **parameters):
    compressor, ratios = Compressor(**parameters), torch.tensor([ratio], dtype=torch.float64)
    y = level * noise(1, 2, 800, seed=seed) * noise(1, 1, 800, seed=seed + 1).gt(-0.5)
    x = compressor.invert(y, RATE, ratio=ratios)
    assert residual_db(compressor(x, RATE, ratio=ratios), y) < -180


@pytest.mark.music
@pytest.mark.parametrize("ratio", [2.0, 8.0])
def test_inverse_on_music(ratio):
    for path in finished_songs(8):
        rate = soundfile.info(path).samplerate
        audio, _ = soundfile.read(path, frames=10 * rate, dtype="float32", always_2d=True)
        y, ratios = torch.from_numpy(audio.T.copy())[None], torch.tensor([ratio])
        again = Compressor()(Compressor().invert(y, rate, ratio=ratios), rate, ratio=ratios)
        assert residual_db(again, y) < -120, path.name


def test_gradients_are_exact():
    x, ratio = 0.3 * noise(2, 2, 60), torch.tensor([1.5, 6.0], dtype=torch.float64)
    compressor = Compressor(attack_ms=0.2, release_ms=1.0)
    assert gradcheck(
        lambda x, ratio: compressor(x, RATE, ratio=ratio),
        (x.requires_grad_(), ratio.requires_grad_()),
    )


def test_equal_channels_do_not_double_the_gradient_of_the_level():
    mono, ratio = songs()[:, :1].requires_grad_(), torch.full((4,), 4.0, dtype=torch.float64)
    both = mono.expand(4, 2, -1)
    (alone,) = torch.autograd.grad(Compressor()(mono, RATE, ratio=ratio).square().sum(), mono)
    (twice,) = torch.autograd.grad(Compressor()(both, RATE, ratio=ratio).square().sum(), mono)
    torch.testing.assert_close(twice, 2 * alone)


def test_ratio_one_receives_a_gradient():
    ratio = torch.ones(4, requires_grad=True)
    Compressor()(songs().float(), RATE, ratio=ratio).square().sum().backward()
    assert (ratio.grad < 0).all()


def test_audible_from_one_decibel_of_reduction():
    levels_db = torch.tensor([-30.0, -16.0, -15.0])
    x = 10 ** (levels_db / 20)[:, None, None].expand(3, 1, RATE)
    audible = Compressor(knee_db=0.01).audible(x, RATE, ratio=torch.full((3,), 2.0))
    assert audible.tolist() == [False, False, True]
    assert not Compressor().audible(10 * x, RATE, ratio=torch.ones(3)).any()


def test_the_ratio_is_inaudible_at_the_cap():
    """At the cap two ratios give nearly the same result, below it they differ."""
    levels_db = torch.tensor([0.0, -12.0])[:, None, None]
    x = 10 ** (levels_db / 20) * torch.sin(torch.arange(2 * RATE) / 20.0)
    compressor, high, higher = Compressor(), torch.full((2,), 3.0), torch.full((2,), 8.0)
    assert compressor.audible(x, RATE, ratio=high).tolist() == [False, True]
    change = compressor(x, RATE, ratio=high) - compressor(x, RATE, ratio=higher)
    change_db = 10 * (change.square().mean((1, 2)) / x.square().mean((1, 2))).log10()
    assert change_db[0] < -30 < change_db[1]


def test_audible_needs_a_tenth_of_the_time():
    x = torch.full((2, 1, 10 * RATE), 1e-3)
    x[0, :, : RATE // 2] = x[1, :, : 2 * RATE] = 10 ** (-12 / 20)
    assert Compressor().audible(x, RATE, ratio=torch.full((2,), 3.0)).tolist() == [False, True]


@pytest.mark.parametrize("name", ["attack_ms", "release_ms", "knee_db", "max_reduction_db"])
def test_invalid_parameters(name):
    with pytest.raises(ValueError, match=rf"{name}: .*0\.0"):
        Compressor(**{name: 0.0})
    with pytest.raises(ValueError, match="threshold_db"):
        Compressor(threshold_db=-115.0)
