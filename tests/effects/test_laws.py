"""Contract tests of all effects, which are found by import."""

import math

import numpy as np
import pytest
import torch
from scipy.signal.windows import blackmanharris
from torch.autograd import gradcheck

from ai_mixer.console import Console
from ai_mixer.effects.limiter import Limiter
from helpers.effects import CLASSES, knob_of, music, neutral, values_at, without
from helpers.measures import residual_db
from helpers.parameters import first_fast

RATES = (44_100, 96_000)  # for all laws
OTHER_RATES = (8_000, 11_025, 22_050, 48_000, 192_000)  # for `test_any_rate`


KNOBS = [(cls, name) for cls in CLASSES for name in cls.knob_names]
for_each_effect = pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
INSERTS, BUSES = ([c for c in CLASSES if c.wet_only == wet] for wet in (False, True))
for_each_insert, for_each_bus = (
    pytest.mark.parametrize("cls", classes, ids=lambda c: c.__name__)
    for classes in (INSERTS, BUSES)
)
for_each_knob = pytest.mark.parametrize(
    ("cls", "name"), KNOBS, ids=lambda v: getattr(v, "__name__", v)
)


SECONDS = {"DelayBus": 1.6, "ReverbBus": 0.7}  # of audio, 0.5 else: echoes come late


def loud(cls, **options):
    """Far above the thresholds of compressors, and longer than the delays of an effect."""
    return 8 * music(seconds=SECONDS.get(cls.__name__, 0.5), **options)


@pytest.fixture(params=RATES)
def rate(request):
    return request.param


def test_all_effects_are_found():
    assert {"Gain", "Compressor", "Shelf", "Peak", "Presence"} <= {c.__name__ for c in CLASSES}


@for_each_insert
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neutral_is_the_identity(cls, dtype, rate):
    x = music(batch=2, rate=rate).to(dtype)
    y = cls()(x, rate, **neutral(cls, 2, dtype))
    assert y.dtype == dtype
    assert residual_db(y, x) <= -100


@for_each_bus
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_an_effect_for_a_bus_leaves_the_dry_signal_out(cls, position, rate):
    impulse = torch.zeros(1, 2, rate, dtype=torch.float64)
    impulse[..., 0] = 1.0
    y = cls()(impulse, rate, **values_at(cls, position))
    assert not y[..., : rate // 1000].any()
    assert y.abs().max() > 0.01


@for_each_insert
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_neutral_is_the_identity_for_any_shape(cls, position):
    shapes = {n: v for n, v in values_at(cls, position).items() if n in cls.shape_knobs}
    x = music()
    assert residual_db(cls()(x, 44_100, **neutral(cls) | shapes), x) <= -100


@for_each_effect
@pytest.mark.parametrize("position", [0.0, 0.5, 1.0])
def test_silence_stays_silent(cls, position, rate):
    x = torch.zeros(1, 2, rate)
    assert not cls()(x, rate, **values_at(cls, position, torch.float32)).any()


@for_each_knob
def test_knob_changes_the_audio(cls, name, rate):
    """Some audio, near the thresholds of compressors or far above them."""
    knob, limit_db = knob_of(cls, name), -50 if name == "knee_db" else -40
    for end in {knob.low, knob.high} - {knob.neutral}:
        values = without(cls, name) | {name: torch.tensor([end], dtype=torch.float64)}
        changes_db = [
            residual_db(cls()(x, rate, **values), cls()(x, rate, **without(cls, name)))
            for x in (loud(cls, rate=rate) / 8, loud(cls, rate=rate))
        ]
        assert max(changes_db) > limit_db


@for_each_knob
@pytest.mark.parametrize("position", [None, 0.37, 0.83])
def test_knob_receives_a_gradient(cls, name, position, rate):
    values = without(cls, name) if position is None else values_at(cls, position)
    values[name] = values[name].clone().requires_grad_()
    x = loud(cls, rate=rate)
    y = cls()(x, rate, **values)
    (y * music(seed=1, seconds=x.shape[-1] / rate, rate=rate)).sum().backward()
    gradient = values[name].grad
    assert torch.isfinite(gradient).all()
    assert gradient.abs().min() > 1e-6


@for_each_effect
def test_gradients_are_exact(cls):
    effect, values = cls(), values_at(cls, [0.37, 0.83])
    x = loud(cls, batch=2, rate=8000) / 8

    def render(x, *arguments):
        knobs = dict(zip(cls.knob_names, arguments, strict=True))
        return effect(x, 8000, **knobs)

    leaves = [leaf.clone().requires_grad_() for leaf in (x, *values.values())]
    assert gradcheck(render, leaves, fast_mode=True, eps=1e-7, atol=1e-5, rtol=1e-3)
    for index in range(1, len(leaves)):  # each knob
        arguments = [leaf.detach() for leaf in leaves]
        arguments[index].requires_grad_()
        assert gradcheck(
            lambda *a: render(*a)[..., ::61], arguments, fast_mode=True, atol=1e-5, rtol=1e-3
        )


@for_each_effect
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_item_of_a_batch_equals_the_item_alone(cls, dtype, rate):
    x = (music(batch=3, rate=rate) * torch.tensor([0.05, 1.0, 0.4])[:, None, None]).to(dtype)
    values = values_at(cls, [0.1, 0.6, 0.95], dtype)
    together = cls()(x, rate, **values)
    for item in range(3):
        one = slice(item, item + 1)
        alone = cls()(x[one], rate, **{name: value[one] for name, value in values.items()})
        assert residual_db(together[one], alone) <= -120


@for_each_effect
@pytest.mark.parametrize("rate", OTHER_RATES)
def test_any_rate(cls, rate):
    x = music(seconds=0.5, rate=rate).float()
    y = cls()(x, rate, **values_at(cls, 0.8, torch.float32))
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    if not cls.wet_only:
        assert residual_db(cls()(x, rate, **neutral(cls, 1, torch.float32)), x) <= -100


@for_each_effect
@pytest.mark.parametrize("length", [1, 2, 7, 300])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_length_and_mono_stays_mono(cls, length, channels, rate):
    x = music(batch=2, channels=channels, seconds=length / rate, rate=rate)
    y = cls()(x, rate, **values_at(cls, [0.2, 0.9]))
    assert y.shape == x.shape
    assert torch.isfinite(y).all()


def extreme_signals(dtype, rate):
    """Noise and a square wave 30 × over full scale, denormal numbers, one click, full-scale DC."""
    length = rate // 4
    square = torch.sign(torch.sin(torch.arange(length) * 0.3) + 1e-9).expand(2, -1)
    click = torch.zeros(2, length)
    click[:, 100] = 30.0
    loud = 60 * music(seconds=0.25, rate=rate)[0]
    rows = [loud, 30 * square, torch.full_like(square, 1e-40), click, torch.ones(2, length)]
    return torch.stack([row.to(dtype) for row in rows])


@for_each_effect
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_results_and_gradients_are_finite_for_extreme_signals(cls, dtype, position, rate):
    x = extreme_signals(dtype, rate).requires_grad_()
    values = {
        n: v.expand(5).clone().requires_grad_() for n, v in values_at(cls, position, dtype).items()
    }
    y = cls()(x, rate, **values)
    y.square().mean().backward()
    results = [y, x.grad, *(value.grad for value in values.values())]
    assert all(torch.isfinite(result).all() for result in results)
    if cls.invertible and cls.knob_names:
        assert torch.isfinite(cls().invert(x.detach(), rate, **values)).all()


@for_each_effect
def test_autocast_does_not_change_the_audio(cls):
    x, values = music(batch=2).float(), values_at(cls, [0.3, 0.9], torch.float32)
    leaves = [leaf.clone().requires_grad_() for leaf in (x, *values.values())]
    with torch.autocast("cpu", torch.bfloat16):
        y = cls()(leaves[0], 44_100, **dict(zip(values, leaves[1:], strict=True)))
        y.square().mean().backward()
    assert y.dtype == torch.float32
    assert residual_db(y, cls()(x, 44_100, **values)) <= -120
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)


@for_each_effect
def test_float32_audio_with_float64_knobs(cls):
    x, values = loud(cls), values_at(cls, 0.8)
    y = cls()(x.float(), 44_100, **values)
    assert y.dtype == torch.float32
    assert residual_db(y, cls()(x, 44_100, **values)) <= -100


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@for_each_effect
def test_gpu_equals_cpu(cls):
    x, values = music(batch=2).float(), values_at(cls, [0.3, 0.9], torch.float32)
    results = []
    for device in ("cpu", "cuda"):
        leaves = [leaf.to(device).requires_grad_() for leaf in (x, *values.values())]
        y = cls()(leaves[0], 44_100, **dict(zip(values, leaves[1:], strict=True)))
        (y * music(seed=1).to(y)).sum().backward()
        assert y.device.type == device
        results.append([y.detach().cpu(), *(leaf.grad.cpu() for leaf in leaves)])
    for on_cpu, on_gpu in zip(*results, strict=True):
        assert residual_db(on_gpu, on_cpu) <= -60


@for_each_effect
def test_effects_are_time_invariant(cls, rate):
    x, values, delay = music(rate=rate), values_at(cls, 0.8), 137
    x[..., : cls.look_ahead_samples] = 0.0  # the effect starts before the sound
    start = torch.zeros(1, 2, delay, dtype=x.dtype)
    y = cls()(torch.cat([start, x], dim=-1), rate, **values)
    assert residual_db(y, torch.cat([start, cls()(x, rate, **values)], dim=-1)) <= -120


@for_each_effect
def test_effects_are_deterministic(cls):
    x, values = music(), values_at(cls, 0.8)
    assert torch.equal(cls()(x, 44_100, **values), cls()(x, 44_100, **values))


@for_each_effect
def test_effects_are_causal(cls, rate):
    if not cls.knob_names:
        pytest.skip("the limiter looks ahead")
    x, values = music(rate=rate), values_at(cls, 0.8)
    other = x.clone()
    other[..., rate // 4 :] = 0.9
    first, second = (cls()(signal, rate, **values) for signal in (x, other))
    end = rate // 4 - cls.look_ahead_samples
    assert residual_db(second[..., :end], first[..., :end]) <= -120


INVERTIBLE_POSITIONS = {"Pan": [0.01, 0.7, 0.99]}  # at the sides, one channel is lost


@for_each_effect
@pytest.mark.parametrize(("dtype", "limit_db"), [(torch.float64, -200), (torch.float32, -100)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_inverse_returns_the_input(cls, dtype, limit_db, channels, rate):
    y = music(batch=3, channels=channels, rate=rate).to(dtype)
    values = values_at(cls, INVERTIBLE_POSITIONS.get(cls.__name__, [0.0, 0.7, 1.0]), dtype)
    if not cls.invertible or not cls.knob_names:
        with pytest.raises(NotImplementedError, match=f"{cls.__name__} has no inverse"):
            cls().invert(y, rate, **values)
        return
    x = cls().invert(y, rate, **values)
    assert residual_db(cls()(x, rate, **values), y) <= limit_db
    assert residual_db(cls().invert(cls()(y, rate, **values), rate, **values), y) <= limit_db


@for_each_effect
def test_audible_returns_one_bool_per_song(cls):
    audible = cls().audible(music(batch=3), 44_100, **values_at(cls, [0.2, 0.7, 1.0]))
    assert audible.shape == (3,)
    assert audible.dtype == torch.bool


def skip_without_live_form(cls):
    if not cls.streamable:
        pytest.skip("has no live form: docs/guides/extend.md, live playback")


def stream_of(cls, rate, channels=2, block=4096):
    """The stream of a console with this effect only, and its neutral positions."""
    knobs = [knob_of(cls, name) for name in cls.knob_names]
    if not knobs:
        pytest.skip("the limiter has its own stream")
    specs = [{n: getattr(k, n) for n in ("name", "unit", "scale", "neutral")} for k in knobs]
    entry = {
        "name": "alone",
        "effect": cls(),
        "knobs": dict(zip(cls.knob_names, specs, strict=True)),
    }
    console = Console([entry], Limiter(), {k.name: (k.low, k.high) for k in knobs})
    initial = torch.tensor([k.neutral_position for k in knobs], dtype=torch.float64)
    return console.stream(rate, block, channels=channels, limit=False), initial


def positions_without(cls, name, knobs):
    """Positions of `without`."""
    if name not in cls.shape_knobs:
        return knobs
    positions = [
        k if n in cls.shape_knobs else 0.8 for n, k in zip(cls.knob_names, knobs, strict=True)
    ]
    return torch.tensor(positions, dtype=torch.float64)


@for_each_effect
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("position", [None, 0.8])
def test_the_stream_equals_the_offline_effect_for_any_block_sizes(cls, channels, position, rate):
    x = loud(cls, channels=channels, rate=rate)
    if not cls.streamable and position is not None:
        stream, initial = stream_of(cls, rate, channels)
        with pytest.raises(ValueError, match=rf"^effect alone \({cls.__name__}\) has no live form"):
            stream(x[0, :, :64], torch.full_like(initial, position))
        return
    values = neutral(cls) if position is None else values_at(cls, position)
    want, outputs = cls()(x, rate, **values)[0], []
    for sizes in ([64], [4096], [1, 0, 300, 7]):
        stream, initial = stream_of(cls, rate, channels)
        knobs = initial if position is None else torch.full_like(initial, position)
        blocks, start = [], 0
        while start < x.shape[-1]:
            count = sizes[len(blocks) % len(sizes)]
            blocks.append(stream(x[0, :, start : start + count], None if start else knobs))
            start += count
        blocks.append(stream.finish())
        assert stream.latency_samples == cls.look_ahead_samples
        outputs.append(torch.cat(blocks, dim=-1)[:, stream.latency_samples :])
        assert residual_db(outputs[-1], want) <= -110
    assert all(residual_db(output, outputs[0]) <= -200 for output in outputs)


# A filter that moves across the tone within 70 ms modulates it, and so does the attack of a
# compressor, in any implementation: shape knobs 1e-4, and
UNTIL_STEADY_S = {"Reverb": 1.3, "DelayBus": 5.0, "ReverbBus": 3.0}  # 0.4 else
CHANGE_LIMITS = {
    ("LowCut", "frequency_hz"): 1e-2,
    ("MonoBass", "frequency_hz"): 1e-2,
    ("Multiband", "low_ratio"): 1e-5,
}


def energy_outside_octave(y, frequency_hz, rate):
    """Share of the energy more than an octave away from a tone."""
    spectrum = np.abs(np.fft.rfft(y.numpy() * blackmanharris(y.shape[-1]))) ** 2
    off = np.abs(np.log2(np.fft.rfftfreq(y.shape[-1], 1 / rate).clip(1) / frequency_hz)) > 1
    return spectrum[:, off].sum() / spectrum.sum()


@for_each_knob
@pytest.mark.parametrize("frequency_hz", first_fast([1000, 100]))
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_knob_change_does_not_click(cls, name, frequency_hz, start, end):
    """On a tone, 0.2 s around the change; harmonics of the effect itself are subtracted."""
    skip_without_live_form(cls)
    rate, window, before = 44_100, 8192, UNTIL_STEADY_S.get(cls.__name__, 0.4)
    time_s = torch.arange(round(rate * (before + 0.7)), dtype=torch.float64) / rate
    phase = 2 * math.pi * frequency_hz * time_s
    fade_in = 0.5 - 0.5 * torch.cos(math.pi * (5.0 * time_s).clamp_max(1.0))
    tone = 0.2 * fade_in * torch.stack([torch.sin(phase), 0.5 * torch.cos(phase)])
    stream, knobs = stream_of(cls, rate)
    knobs = positions_without(cls, name, knobs)
    index, change = cls.knob_names.index(name), round((before + 0.2) * rate / 256)
    blocks = []
    for count, block in enumerate(tone[:, : (change + 70) * 256].split(256, dim=-1)):
        knobs[index] = start if count < change else end
        blocks.append(stream(block, knobs))
    y, middle = torch.cat(blocks, dim=-1), change * 256 + round(0.035 * rate)
    parts = y[:, middle - window * 3 // 2 : middle + window * 3 // 2].split(window, dim=-1)
    before_change, during, after = [energy_outside_octave(p, frequency_hz, rate) for p in parts]
    limit = CHANGE_LIMITS.get((cls.__name__, name), 1e-4 if name in cls.shape_knobs else 1e-6)
    assert during <= max(limit, 3 * before_change, 3 * after)


@for_each_knob
def test_after_a_knob_change_the_stream_equals_the_offline_effect(cls, name):
    """1.5 s after the change. A bus would hold sound of before the change: it gets silence."""
    skip_without_live_form(cls)
    rate = 44_100
    stream, knobs = stream_of(cls, rate)
    knobs = positions_without(cls, name, knobs)
    x, later = music(rate=rate, seconds=2.0), round(1.5 * rate)
    x[..., : cls.wet_only * rate // 4] = 0.0
    stream(x[0, :, :64], knobs)
    index = cls.knob_names.index(name)
    knobs[index] = 0.83
    blocks = [stream(block, knobs) for block in x[0, :, 64:].split(4096, dim=-1)]
    values = without(cls, name) | {
        name: knob_of(cls, name).to_physical(knobs[index, None].double())
    }
    want = cls()(x, rate, **values)[0]
    got = torch.cat([want[:, :64], *blocks, stream.finish()], dim=-1)[:, stream.latency_samples :]
    assert residual_db(got[:, later:], want[:, later:]) <= -100
