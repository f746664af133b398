"""Tests of the limiter: true peaks under the ceiling, unchanged audio, blocks, gradients."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.effects import limiter
from ai_mixer.effects.limiter import Limiter
from helpers import signals
from helpers.measures import to_db

RATE = 44_100
CEILING_DB = -0.3


def time_s(seconds=1.0):
    return torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE


noise = partial(signals.noise, level=1.0, dtype=torch.float64)


def drums(level):
    """Three hits per second of decaying noise over a bass."""
    t = time_s()
    return level * (noise(RATE) * torch.exp(-30 * (3 * t % 1)) / 3 + 0.2 * torch.sin(300 * t))


def square(frequency_hz, level):
    return level * torch.sign(torch.sin(2 * math.pi * frequency_hz * time_s() + 0.1))


LOUD = {
    "drums_10_db_over": drums(10 ** (10 / 20)),
    "noise_30": 30 * noise(RATE),
    "square_100_hz": square(100, 30),
    "square_3333_hz": square(3333, 30),
    "bursts": square(700, 1) * torch.where(7 * time_s() % 1 > 0.9, 30.0, 0.3),
    "random_signs": noise(RATE).sign() * 2,
    "crescendo": noise(RATE) * 10 ** torch.linspace(-3, 1.5, RATE),
    "first_sample": 30.0 * (torch.arange(RATE) == 0),
    "last_sample": 30.0 * (torch.arange(RATE) == RATE - 1),
    "just_over": 0.975 * torch.sin(2 * math.pi * 50 * time_s()),
    "between_samples": torch.sin(math.pi / 2 * torch.arange(RATE) + math.pi / 4),
}
HARSH = {"noise_30", "random_signs", "crescendo"}


@pytest.mark.parametrize("name", LOUD)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_true_peaks_are_under_the_ceiling(name, dtype):
    x = torch.stack([LOUD[name], 0.5 * LOUD[name].roll(7)])[None].to(dtype)
    y = Limiter()(x, RATE)
    assert to_db(true_peak(y)) <= CEILING_DB
    assert to_db(true_peak(y, 16)) <= CEILING_DB + 0.05
    # An independent meter, which differs near the Nyquist frequency.
    other = resample_poly(y.double().numpy(), 4, 1, axis=-1)
    assert to_db(np.abs(other).max()) <= CEILING_DB + (0 if name not in HARSH else 0.05)


@settings(deadline=None, max_examples=40)
@given(
    level=st.floats(0.1, 30),
    rate=st.sampled_from([8000, 22_050, 96_000]),
    seed=st.integers(0, 99),
    lookahead_ms=st.floats(0.1, 20),
    release_ms=st.floats(0.01, 300),
    memory_ms=st.floats(0.01, 2000),
    gate=st.floats(0, 3),
)
def test_true_peaks_are_under_the_ceiling_for_random_signals(
    level, rate, seed, lookahead_ms, release_ms, memory_ms, gate
):
    sparse = noise(4000, seed=seed + 100).abs() > gate
    x = (level * noise(4000, seed=seed) * sparse)[None, None]
    y = Limiter(-1, lookahead_ms, release_ms, memory_ms)(x, rate)
    assert to_db(true_peak(y).clamp_min(1e-9)) <= -1
    assert (y.abs() <= x.abs() + 1e-12).all()  # the gain is at most 1


def test_quiet_songs_of_a_batch_are_unchanged_bit_for_bit():
    quiet, loud = 0.15 * noise(RATE), 3 * noise(RATE)
    x = torch.stack([quiet, loud, 0.5 * LOUD["between_samples"]])[:, None].float()
    y = Limiter()(x, RATE)
    assert torch.equal(y[[0, 2]], x[[0, 2]])
    torch.testing.assert_close(y[1:2], Limiter()(x[1:2], RATE))


@settings(deadline=None, max_examples=60)
@given(
    level=st.floats(0.3, 1.1),
    length=st.integers(1, 2000),
    block=st.integers(400, 900),  # longer than the latency
    seed=st.integers(0, 99),
)
def test_the_test_for_peaks_does_not_change_the_result(level, length, block, seed):
    """`Limiter` skips songs without peaks over the ceiling, which it tests block by block."""
    x = torch.sin(math.pi / 2 * torch.arange(length) + math.pi / 4) + 0.1 * noise(length, seed=seed)
    x = (level / x.abs().amax() * x)[None, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limiter, "BLOCK_SAMPLES", block)
        y = Limiter()(x, RATE)
        slow = Limiter().stream(RATE).process(x)
    assert torch.equal(y, slow)
    assert torch.equal(y, x) == (Limiter()(x.clone().requires_grad_(), RATE) == x).all()


def test_a_song_just_under_the_ceiling_is_unchanged():
    x = 0.96 * torch.sin(2 * math.pi * 1000 * time_s())[None, None]
    assert torch.equal(Limiter()(x, RATE), x)


@pytest.mark.parametrize("name", ["just_over", "between_samples", "first_sample"])
def test_a_song_0_002_db_under_the_ceiling_is_under_it_for_another_meter(name):
    """scipy's interpolator gives 0.0055 dB more at the samples themselves."""
    x = LOUD[name][None, None]
    x = x * 10 ** ((CEILING_DB - 0.002) / 20) / true_peak(x, 8)
    other = resample_poly(Limiter()(x, RATE).numpy(), 4, 1, axis=-1)
    assert to_db(np.abs(other).max()) <= CEILING_DB


def test_channels_are_linked():
    t = time_s()
    x = torch.stack([4 * torch.sin(400 * t), 0.1 * torch.sin(3000 * t)])[None]
    y = Limiter()(x, RATE)
    loud = (x.abs() > 0.01).all(dim=1)[0]
    gains = (y / x)[0][:, loud]
    torch.testing.assert_close(gains[0], gains[1])


def test_audio_away_from_a_peak_is_unchanged():
    x = 0.1 * torch.sin(400 * time_s())[None, None]
    x[..., RATE // 2] = 4.0
    y = Limiter(lookahead_ms=5, release_ms=20, memory_ms=100)(x, RATE)
    before, after = RATE // 2 - round(0.0075 * RATE), RATE // 2 + round(0.3 * RATE)
    assert torch.equal(y[..., :before], x[..., :before])
    torch.testing.assert_close(y[..., after:], x[..., after:], rtol=0.01, atol=0)
    assert y.abs().argmax() == x.abs().argmax()  # no latency


def test_a_limited_song_is_not_limited_again():
    x = torch.stack([drums(10 ** (10 / 20)), drums(3.0)])[None].float()
    y = Limiter()(x, RATE)
    assert torch.equal(Limiter()(y, RATE), y)


def test_one_loud_passage_does_not_change_the_rest_of_the_song():
    x = 0.2 * LOUD["drums_10_db_over"] / 10 ** (10 / 20)
    x[RATE // 2 : RATE // 2 + 400] += 2 * noise(400, seed=3)
    y = Limiter()(x[None, None], RATE)[0, 0]
    assert torch.equal(y[: RATE // 2 - 400], x[: RATE // 2 - 400])
    late = slice(RATE - 2000, RATE)
    assert to_db(y[late].norm() / x[late].norm()) > -0.3


def test_the_two_stage_release_gives_a_louder_song_than_one_release_time():
    x = LOUD["drums_10_db_over"][None, None]
    plain = Limiter(release_ms=100, memory_ms=0.01)(x, RATE)
    assert to_db(Limiter()(x, RATE).norm() / plain.norm()) > 0.3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [128, 1000, 44_100])
def test_a_stream_equals_the_limited_song_with_latency(dtype, size):
    x = torch.stack([drums(3.0), LOUD["bursts"] / 10])[None].to(dtype)
    stream = Limiter().stream(RATE)
    latency = stream.latency_samples
    blocks = torch.cat([x, x.new_zeros(1, 2, latency)], dim=-1).split(size, dim=-1)
    y = torch.cat([stream.push(block) for block in blocks], dim=-1)
    assert not y[..., :latency].any()
    torch.testing.assert_close(y[..., latency:], Limiter()(x, RATE), rtol=0, atol=1e-6)
    assert latency <= 0.008 * RATE
    assert stream.reduction_db == pytest.approx(to_db(true_peak(x)) - CEILING_DB, abs=0.5)


def test_the_work_space_does_not_depend_on_the_length_of_the_song():
    """Additional memory is that of one block."""
    stream = Limiter().stream(RATE)
    stream.process(3 * noise(300_000)[None, None])
    assert stream._memory.nbytes < 300_000


def test_results_with_and_without_gradient_are_equal(monkeypatch):
    x = torch.stack([drums(3.0), drums(0.1)])[:, None].float()
    trained = Limiter()(x.clone().requires_grad_(), RATE).detach()
    monkeypatch.setattr(limiter, "BLOCK_SAMPLES", 5000)
    torch.testing.assert_close(Limiter()(x, RATE), trained, rtol=0, atol=1e-6)


def test_distortion_of_a_loud_sine_is_below_60_db():
    x = 2 * torch.sin(2 * math.pi * 1000 * time_s())[None, None]
    y = Limiter()(x, RATE)[0, 0, RATE // 4 : -RATE // 4]
    spectrum = torch.fft.rfft(y * torch.hann_window(len(y), dtype=y.dtype)).abs().square()
    tone = round(1000 * len(y) / RATE)
    rest = spectrum.sum() - spectrum[tone - 3 : tone + 4].sum()
    assert 10 * torch.log10(rest / spectrum.sum()) < -60


def test_gradient_goes_through_the_gain():
    x = (3 * drums(1.0))[None, None, :8000].float().requires_grad_()
    y = Limiter()(x, RATE)
    y.square().mean().backward()
    assert torch.isfinite(x.grad).all()
    # The level of limited audio has nearly no effect, which requires the gradient of the gain.
    level = torch.ones(1, dtype=torch.float64, requires_grad=True)
    held = torch.full((1, 1, 4000), 4.0, dtype=torch.float64) * level
    Limiter()(held, RATE).square().mean().backward()
    assert level.grad.abs() < 1e-3


def test_gradient_equals_a_finite_difference():
    x = (2 * noise(600))[None, None]
    direction, weight = noise(600, seed=1)[None, None], noise(600, seed=2)[None, None]

    def score(step):
        return (Limiter()(x + step * direction, RATE) * weight).sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    score(step).backward()
    numeric = (score(1e-7) - score(-1e-7)) / 2e-7
    assert step.grad.item() == pytest.approx(numeric.item(), rel=1e-4)


def test_whole_numbers_are_the_settings_of_their_floats():
    """Another type of number would compile every kernel that takes them once more."""
    settings = Limiter(ceiling_db=-1, lookahead_ms=4, release_ms=90, memory_ms=800)
    assert all(type(number) is float for number in settings.streaming_settings()[:5])


def test_invalid_parameters():
    with pytest.raises(ValueError, match=r"ceiling_db .*1"):
        Limiter(ceiling_db=1)
    with pytest.raises(ValueError, match=r"release_ms .*0"):
        Limiter(release_ms=0)
    with pytest.raises(ValueError, match=r"memory_ms .*-1"):
        Limiter(memory_ms=-1)


@pytest.mark.parametrize("name", ["ceiling_db", "lookahead_ms", "release_ms", "memory_ms"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_are_invalid(name, value):
    with pytest.raises(ValueError, match=rf"{name} .*{value}"):
        Limiter(**{name: value})
