"""What every effect obeys, whoever wrote it: found by import, so a new file is tested at once.

A knob's range and neutral are those of the first console that has it, classic before others.
"""

import importlib
import inspect
import math
import pkgutil

import numpy as np
import pytest
import torch
from scipy.signal.windows import blackmanharris
from torch.autograd import gradcheck

import ai_mixer.effects
from ai_mixer.config.folder import config_folder
from ai_mixer.console import Console, load_console
from ai_mixer.core.types import Knob
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.limiter import Limiter
from helpers.measures import residual_db

RATES = (44_100, 48_000, 96_000)  # of every law
ANY_RATES = (8_000, 11_025, 22_050, 192_000)  # and these still work


def effect_classes():
    modules = [
        importlib.import_module(f"ai_mixer.effects.{module.name}")
        for module in pkgutil.iter_modules(ai_mixer.effects.__path__)
    ]
    classes = {c for m in modules for _, c in inspect.getmembers(m, inspect.isclass)}
    ours = {c for c in classes if issubclass(c, Effect) and c is not Effect}
    return sorted(ours, key=lambda c: c.__name__)


def console_knobs():
    """Class → argument → Knob, as a console of configs/console turns it."""
    table = {}
    pages = sorted(page.stem for page in (config_folder() / "console").glob("*.yaml"))
    for page in sorted(pages, key=lambda page: page != "classic"):
        console = load_console(page, "wide")
        knobs = iter(console.knobs)
        for effect in console.effects.values():
            table.setdefault(type(effect), {n: next(knobs) for n in effect.knob_names})
    return table


CONSOLE_KNOBS = console_knobs()
CLASSES = effect_classes()
KNOBS = [(cls, name) for cls in CLASSES for name in cls.knob_names]
each_effect = pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
each_knob = pytest.mark.parametrize(("cls", "name"), KNOBS, ids=lambda v: getattr(v, "__name__", v))


def knob_of(cls, name) -> Knob:
    if name not in CONSOLE_KNOBS.get(cls, {}):
        pytest.fail(f"{cls.__name__}: no console turns its knob {name!r}: configs/console")
    return CONSOLE_KNOBS[cls][name]


def turned(cls, position, dtype=torch.float64):
    """Every knob of the effect at these positions; position: number or one per song."""
    position = torch.as_tensor(position, dtype=torch.float64).reshape(-1)
    values = {name: knob_of(cls, name).to_physical(position) for name in cls.knob_names}
    return {name: value.to(dtype) for name, value in values.items()}


def neutral(cls, batch=1, dtype=torch.float64):
    return {n: torch.full((batch,), knob_of(cls, n).neutral, dtype=dtype) for n in cls.knob_names}


@pytest.fixture(params=RATES)
def rate(request):
    return request.param


def music(batch=1, channels=2, seconds=0.5, rate=44_100, seed=0):
    """Noise that swells and fades, side a little below mid, peaks just under the ceiling."""
    generator = torch.Generator().manual_seed(seed)
    length = round(seconds * rate)
    common = torch.randn(batch, 1, length, dtype=torch.float64, generator=generator)
    own = torch.randn(batch, channels, length, dtype=torch.float64, generator=generator)
    swell = 0.2 + torch.sin(torch.linspace(0, 9, length, dtype=torch.float64)).abs()
    x = (common + 0.4 * own) * swell
    return 0.5 * x / x.abs().amax(dim=(1, 2), keepdim=True)


def test_effects_are_found():
    assert {"Gain", "Compressor", "Shelf", "Peak", "Presence"} <= {c.__name__ for c in CLASSES}


@each_effect
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neutral_is_the_identity(cls, dtype, rate):
    x = music(batch=2, rate=rate).to(dtype)
    y = cls()(x, rate, **neutral(cls, 2, dtype))
    assert y.dtype == dtype
    assert residual_db(y, x) <= -100


@each_effect
@pytest.mark.parametrize("position", [0.0, 0.5, 1.0])
def test_silence_stays_silent(cls, position, rate):
    x = torch.zeros(1, 2, rate)
    assert not cls()(x, rate, **turned(cls, position, torch.float32)).any()


@each_knob
def test_knob_changes_the_sound(cls, name, rate):
    knob, x = knob_of(cls, name), music(rate=rate)
    still = cls()(x, rate, **neutral(cls))
    for end in {knob.low, knob.high} - {knob.neutral}:
        moved = neutral(cls) | {name: torch.tensor([end], dtype=torch.float64)}
        assert residual_db(cls()(x, rate, **moved), still) > -40


@each_knob
@pytest.mark.parametrize("position", [None, 0.37, 0.83])
def test_knob_receives_a_gradient(cls, name, position, rate):
    values = neutral(cls) if position is None else turned(cls, position)
    values[name] = values[name].clone().requires_grad_()
    y = cls()(music(rate=rate), rate, **values)
    (y * music(seed=1, rate=rate)).sum().backward()
    gradient = values[name].grad
    assert torch.isfinite(gradient).all()
    assert gradient.abs().min() > 1e-6


@each_effect
def test_gradients_are_exact(cls):
    effect, values = cls(), turned(cls, [0.37, 0.83])
    x = music(batch=2, seconds=0.4, rate=8000)  # longer than any pre-delay or echo

    def render(x, *arguments):
        knobs = dict(zip(cls.knob_names, arguments, strict=True))
        return effect(x, 8000, **knobs)

    leaves = [leaf.clone().requires_grad_() for leaf in (x, *values.values())]
    assert gradcheck(render, leaves, fast_mode=True, eps=1e-7, atol=1e-5, rtol=1e-3)
    for index in range(1, len(leaves)):  # the knobs one by one, all outputs
        arguments = [leaf.detach() for leaf in leaves]
        arguments[index].requires_grad_()
        assert gradcheck(lambda *a: render(*a)[..., ::61], arguments, atol=1e-5, rtol=1e-3)


@each_effect
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_item_of_a_batch_equals_the_item_alone(cls, dtype, rate):
    x = (music(batch=3, rate=rate) * torch.tensor([0.05, 1.0, 0.4])[:, None, None]).to(dtype)
    values = turned(cls, [0.1, 0.6, 0.95], dtype)
    together = cls()(x, rate, **values)
    for item in range(3):
        one = slice(item, item + 1)
        alone = cls()(x[one], rate, **{name: value[one] for name, value in values.items()})
        assert residual_db(together[one], alone) <= -120


@each_effect
@pytest.mark.parametrize("rate", ANY_RATES)
def test_any_rate(cls, rate):
    x = music(seconds=0.5, rate=rate).float()
    y = cls()(x, rate, **turned(cls, 0.8, torch.float32))
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert residual_db(cls()(x, rate, **neutral(cls, 1, torch.float32)), x) <= -100


@each_effect
@pytest.mark.parametrize("length", [1, 2, 7, 300])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_length_and_mono_stays_mono(cls, length, channels, rate):
    x = music(batch=2, channels=channels, seconds=length / rate, rate=rate)
    y = cls()(x, rate, **turned(cls, [0.2, 0.9]))
    assert y.shape == x.shape
    assert torch.isfinite(y).all()


def torture(dtype, rate):
    """Noise and a square wave 30 × over full scale, denormal numbers, one click, full-scale DC."""
    length = rate // 4
    square = torch.sign(torch.sin(torch.arange(length) * 0.3) + 1e-9).expand(2, -1)
    click = torch.zeros(2, length)
    click[:, 100] = 30.0
    loud = 60 * music(seconds=0.25, rate=rate)[0]
    rows = [loud, 30 * square, torch.full_like(square, 1e-40), click, torch.ones(2, length)]
    return torch.stack([row.to(dtype) for row in rows])


@each_effect
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_no_nan_however_loud_or_faint(cls, dtype, position, rate):
    x = torture(dtype, rate).requires_grad_()
    values = {
        n: v.expand(5).clone().requires_grad_() for n, v in turned(cls, position, dtype).items()
    }
    y = cls()(x, rate, **values)
    y.square().mean().backward()
    results = [y, x.grad, *(value.grad for value in values.values())]
    assert all(torch.isfinite(result).all() for result in results)
    if cls.invertible and cls.knob_names:
        assert torch.isfinite(cls().invert(x.detach(), rate, **values)).all()


@each_effect
def test_half_precision_around_it_changes_nothing(cls):
    """Under bfloat16 autocast, as a model is trained, audio stays what it is."""
    x, values = music(batch=2).float(), turned(cls, [0.3, 0.9], torch.float32)
    leaves = [leaf.clone().requires_grad_() for leaf in (x, *values.values())]
    with torch.autocast("cpu", torch.bfloat16):
        y = cls()(leaves[0], 44_100, **dict(zip(values, leaves[1:], strict=True)))
        y.square().mean().backward()
    assert y.dtype == torch.float32
    assert residual_db(y, cls()(x, 44_100, **values)) <= -120
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_effect
def test_a_gpu_gives_the_same(cls):
    x, values = music(batch=2).float(), turned(cls, [0.3, 0.9], torch.float32)
    sounds = []
    for device in ("cpu", "cuda"):
        leaves = [leaf.to(device).requires_grad_() for leaf in (x, *values.values())]
        y = cls()(leaves[0], 44_100, **dict(zip(values, leaves[1:], strict=True)))
        (y * music(seed=1).to(y)).sum().backward()
        assert y.device.type == device
        sounds.append([y.detach().cpu(), *(leaf.grad.cpu() for leaf in leaves)])
    for on_cpu, on_gpu in zip(*sounds, strict=True):
        assert residual_db(on_gpu, on_cpu) <= -60


@each_effect
def test_time_invariant(cls, rate):
    x, values, late = music(rate=rate), turned(cls, 0.8), 137
    start = torch.zeros(1, 2, late, dtype=x.dtype)
    y = cls()(torch.cat([start, x], dim=-1), rate, **values)
    assert residual_db(y, torch.cat([start, cls()(x, rate, **values)], dim=-1)) <= -120


@each_effect
def test_same_settings_same_samples(cls, rate):
    x, values = music(rate=rate), turned(cls, 0.8)
    assert torch.equal(cls()(x, rate, **values), cls()(x, rate, **values))


@each_effect
def test_the_future_is_not_heard(cls, rate):
    if not cls.knob_names:
        pytest.skip("the limiter looks ahead")
    x, values = music(rate=rate), turned(cls, 0.8)
    changed = x.clone()
    changed[..., rate // 4 :] = 0.9
    first, second = (cls()(signal, rate, **values) for signal in (x, changed))
    assert residual_db(second[..., : rate // 4], first[..., : rate // 4]) <= -120


@each_effect
@pytest.mark.parametrize(("dtype", "limit_db"), [(torch.float64, -200), (torch.float32, -100)])
@pytest.mark.parametrize("channels", [1, 2])
def test_inverse_gives_the_input_back(cls, dtype, limit_db, channels, rate):
    y, values = (
        music(batch=3, channels=channels, rate=rate).to(dtype),
        turned(cls, [0.0, 0.7, 1.0], dtype),
    )
    if not cls.invertible or not cls.knob_names:
        with pytest.raises(NotImplementedError, match=f"{cls.__name__} has no inverse"):
            cls().invert(y, rate, **values)
        return
    x = cls().invert(y, rate, **values)
    assert residual_db(cls()(x, rate, **values), y) <= limit_db
    assert residual_db(cls().invert(cls()(y, rate, **values), rate, **values), y) <= limit_db


@each_effect
def test_audible_answers_for_each_song(cls, rate):
    heard = cls().audible(music(batch=3, rate=rate), rate, **turned(cls, [0.2, 0.7, 1.0]))
    assert heard.shape == (3,)
    assert heard.dtype == torch.bool


def live(cls, rate, channels=2, block=4096):
    """The effect alone, block by block: what a console of it and nothing else streams."""
    knobs = [knob_of(cls, name) for name in cls.knob_names]
    if not knobs:
        pytest.skip("the limiter has a stream of its own")
    pages = [{n: getattr(k, n) for n in ("name", "unit", "scale", "neutral")} for k in knobs]
    entry = {
        "name": "alone",
        "effect": cls(),
        "knobs": dict(zip(cls.knob_names, pages, strict=True)),
    }
    console = Console([entry], Limiter(), {k.name: (k.low, k.high) for k in knobs})
    return console.stream(rate, block, channels=channels, limit=False), console.neutral


@each_effect
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("position", [None, 0.8])
def test_live_equals_offline_however_it_is_cut(cls, channels, position, rate):
    x = music(channels=channels, rate=rate)
    values = neutral(cls) if position is None else turned(cls, position)
    want, cuts = cls()(x, rate, **values)[0], []
    for sizes in ([64], [4096], [1, 0, 300, 7]):
        stream, rest = live(cls, rate, channels)
        knobs = rest if position is None else torch.full_like(rest, position)
        blocks, start = [], 0
        while start < x.shape[-1]:
            count = sizes[len(blocks) % len(sizes)]
            blocks.append(stream(x[0, :, start : start + count], None if start else knobs))
            start += count
        cuts.append(torch.cat(blocks, dim=-1))
        assert stream.latency_samples == 0
        assert residual_db(cuts[-1], want) <= -110
    assert all(residual_db(cut, cuts[0]) <= -200 for cut in cuts)


def outside_the_octaves(y, frequency_hz, rate):
    """The share of the energy that lies more than an octave away from a tone."""
    spectrum = np.abs(np.fft.rfft(y.numpy() * blackmanharris(y.shape[-1]))) ** 2
    off = np.abs(np.log2(np.fft.rfftfreq(y.shape[-1], 1 / rate).clip(1) / frequency_hz)) > 1
    return spectrum[:, off].sum() / spectrum.sum()


@each_knob
@pytest.mark.parametrize("frequency_hz", [100, 1000])
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_jump_of_a_knob_does_not_click(cls, name, frequency_hz, start, end):
    """On a tone, 0.2 s around the jump. Harmonics that the effect makes anyway are no click."""
    rate, window, before = 44_100, 8192, 0.4 if cls.__name__ != "Reverb" else 1.3
    time_s = torch.arange(rate * 2, dtype=torch.float64) / rate
    phase = 2 * math.pi * frequency_hz * time_s
    tone = 0.2 * torch.stack([torch.sin(phase), 0.5 * torch.cos(phase)])
    stream, knobs = live(cls, rate)
    place, jump = cls.knob_names.index(name), round((before + 0.2) * rate / 256)
    blocks = []
    for count, block in enumerate(tone[:, : (jump + 70) * 256].split(256, dim=-1)):
        knobs[place] = start if count < jump else end
        blocks.append(stream(block, knobs))
    y, middle = torch.cat(blocks, dim=-1), jump * 256 + round(0.035 * rate)
    parts = y[:, middle - window * 3 // 2 : middle + window * 3 // 2].split(window, dim=-1)
    steady_1, moving, steady_2 = [outside_the_octaves(p, frequency_hz, rate) for p in parts]
    assert moving <= max(1e-6, 3 * steady_1, 3 * steady_2)


@each_knob
def test_a_knob_that_was_turned_arrives_exactly(cls, name):
    """100 ms later, all is as if the knob had always stood there, but for the table."""
    rate = 44_100
    stream, knobs = live(cls, rate)
    x, later = music(rate=rate, seconds=2.0), round(1.5 * rate)
    stream(x[0, :, :64], knobs)
    place = cls.knob_names.index(name)
    knobs[place] = 0.83
    blocks = [stream(block, knobs) for block in x[0, :, 64:].split(4096, dim=-1)]
    values = neutral(cls) | {name: knob_of(cls, name).to_physical(knobs[place, None].double())}
    want = cls()(x, rate, **values)[0]
    got = torch.cat([want[:, :64], *blocks], dim=-1)
    assert residual_db(got[:, later:], want[:, later:]) <= -100
