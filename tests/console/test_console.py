"""Tests of the console: laws of the whole chain, inversion, audibility, settings, errors."""

import copy
import math
import pickle
from typing import ClassVar

import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ai_mixer.console import Console, load_console
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.gain import Gain
from ai_mixer.effects.limiter import Limiter
from helpers.measures import residual_db
from helpers.music import finished_songs

RATE = 44_100
RANGES = ("musical", "gentle", "wide")
CONSOLES = {ranges: load_console("classic", ranges) for ranges in RANGES}
WIDE = CONSOLES["wide"]
P = len(WIDE.knobs)
for_each_range = pytest.mark.parametrize("ranges", RANGES)


def song(batch=1, channels=2, seconds=1.0, rate=RATE, seed=0):
    """Beats, a bass and chords over a little noise, one level per item, peaks at −1 dBTP."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(round(seconds * rate)) / rate
    noise = torch.randn(batch, channels, len(t), generator=generator)
    beat = torch.exp(-25 * (2 * t % 1)) * torch.sin(2 * math.pi * 60 * t)
    pitches = 220 * 2 ** (torch.randint(0, 24, (batch, channels, 5), generator=generator) / 12)
    chord = torch.sin(2 * math.pi * pitches[..., None] * t).sum(2) * (0.4 + 0.6 * t.remainder(0.5))
    x = beat + 0.1 * chord + 0.05 * noise
    return x * (10 ** (-1 / 20) / true_peak(x))[:, None, None]


def draw(batch, seed=0, dry=False, console=WIDE):
    """Random positions; dry: knobs without an inverse are neutral."""
    knobs = torch.rand(batch, P, generator=torch.Generator().manual_seed(seed))
    return torch.where(console.invertible, knobs, console.neutral) if dry else knobs


def neutral(batch=1, console=WIDE):
    return console.neutral.expand(batch, -1)


@for_each_range
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neutral_is_the_identity(ranges, dtype):
    x, console = song(2).to(dtype), CONSOLES[ranges]
    knobs = neutral(2, console).clone().requires_grad_()
    assert residual_db(console(x, RATE, knobs), x) <= -100  # every effect runs
    assert residual_db(console(x, RATE, knobs.detach()), x) <= -100
    assert residual_db(console.invert(x, RATE, knobs), x) <= -100


def test_silence_stays_silent():
    x = torch.zeros(4, 2, 5000)
    assert not WIDE(x, RATE, draw(4)).any()
    assert not WIDE.invert(x, RATE, draw(4)).any()


def test_item_of_a_batch_equals_the_item_alone():
    x, knobs = song(4) * torch.tensor([1.0, 0.1, 3.0, 0.01])[:, None, None], draw(4)
    together = WIDE(x, RATE, knobs)
    for item in range(4):
        one = slice(item, item + 1)
        assert residual_db(together[one], WIDE(x[one], RATE, knobs[one])) <= -100


@for_each_range
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("material", ["music", "noise"])
def test_forward_of_the_inverse_is_the_finished_song(ranges, channels, material):
    console, batch = CONSOLES[ranges], 12
    finished = song(batch, channels)
    if material == "noise":
        finished = torch.randn(finished.shape, generator=torch.Generator().manual_seed(1))
        finished *= (10 ** (-1 / 20) / true_peak(finished))[:, None, None]
    knobs = draw(batch, 3, dry=True, console=console)
    knobs[0], knobs[1] = (
        torch.where(console.invertible, end, console.neutral)
        for end in (torch.zeros(P), torch.ones(P))
    )
    rough = console.invert(finished, RATE, knobs)
    mix = console(rough, RATE, knobs)
    for item in range(batch):
        assert residual_db(mix[item], finished[item]) <= -60
        assert residual_db(rough[item], finished[item]) > -40  # the knobs changed the song


@pytest.mark.music
@for_each_range
def test_forward_of_the_inverse_on_music(ranges):
    console = CONSOLES[ranges]
    for seed, path in enumerate(finished_songs(12)):
        rate = soundfile.info(path).samplerate
        audio, _ = soundfile.read(path, frames=10 * rate, dtype="float32", always_2d=True)
        x = torch.from_numpy(audio.T.copy())[None, :2]
        x = x * (10 ** (-1 / 20) / true_peak(x)).clamp_max(1)
        knobs = draw(1, seed, dry=True, console=console)
        mix = console(console.invert(x, rate, knobs), rate, knobs)
        assert residual_db(mix, x) <= -60, path.name


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_mono_stays_mono(rate, channels):
    x, knobs = song(2, channels, 0.3, rate), draw(2)
    mix = WIDE(x, rate, knobs)
    assert mix.shape == x.shape
    assert torch.isfinite(mix).all()
    dry = draw(2, dry=True)
    assert residual_db(WIDE(WIDE.invert(x, rate, dry), rate, dry), x) <= -60


def test_a_tone_has_the_same_level_at_44_1_and_48_khz():
    levels = []
    for rate in (44_100, 48_000):
        tone = 0.3 * torch.sin(2 * math.pi * 500 * torch.arange(rate) / rate).expand(1, 2, -1)
        levels.append(WIDE(tone, rate, draw(1, 5)).square().mean().log10().item() * 10)
    assert levels[0] == pytest.approx(levels[1], abs=0.1)


EXTREMES = {  # made in the test: importing this file must not compile kernels
    "thirty_times_full_scale": lambda: 30 * song(),
    "square": lambda: 30 * torch.sign(torch.sin(torch.arange(RATE) * 0.05) + 1e-9).expand(1, 2, -1),
    "denormal": lambda: torch.full((1, 2, 8000), 1e-40),
    "one_sample": lambda: torch.ones(1, 2, 1),
    "one_sided": lambda: song() * torch.tensor([1.0, 0.0])[:, None],
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("corner", ["low", "high", "random", "neutral"])
def test_no_nan_and_never_above_the_ceiling(name, corner):
    corners = {"low": torch.zeros(1, P), "high": torch.ones(1, P), "random": draw(1, 7)}
    x = EXTREMES[name]().clone().requires_grad_()
    knobs = corners.get(corner, neutral()).clone().requires_grad_()
    mix = WIDE(x, RATE, knobs)
    mix.square().mean().backward()
    assert torch.isfinite(mix).all()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(knobs.grad).all()
    assert 20 * torch.log10(true_peak(mix).clamp_min(1e-9)) <= -0.25
    assert torch.isfinite(WIDE.invert(x, RATE, knobs)).all()


@for_each_range
def test_every_knob_receives_a_gradient(ranges):
    console, target = CONSOLES[ranges], song(3, seed=9)
    for start in (neutral(3, console), draw(3), torch.zeros(3, P), torch.ones(3, P)):
        knobs = start.clone().requires_grad_()
        (console(song(3), RATE, knobs) - target).square().mean().backward()
        assert torch.isfinite(knobs.grad).all()
        assert (knobs.grad != 0).all()


def test_gradient_equals_a_finite_difference():
    x = 0.3 * song(1, seconds=0.5).double()
    knobs = draw(1, 2).double().requires_grad_()
    weight = song(1, seconds=0.5, seed=4).double()
    (WIDE(x, RATE, knobs) * weight).sum().backward()
    for index in range(P):
        step = torch.zeros(1, P, dtype=torch.float64)
        step[0, index] = 1e-6
        up, down = ((WIDE(x, RATE, knobs.detach() + s * step) * weight).sum() for s in (1.0, -1.0))
        assert knobs.grad[0, index].item() == pytest.approx(((up - down) / 2e-6).item(), rel=1e-3)


def test_half_precision_knobs_do_not_degrade_the_audio():
    mix = WIDE(song(), RATE, neutral().half())
    assert mix.dtype == torch.float32
    assert residual_db(mix, song()) <= -60


def test_forward_with_audibility_returns_the_mix_and_audible_knobs():
    wide, width = song(3, seed=2), WIDE.names.index("stereo_width")
    x = torch.stack([wide[0], wide[1].mean(0).expand(2, -1), 1e-3 * wide[2]])
    knobs = draw(3)
    knobs[:, WIDE.names.index("compressor_ratio")] = 0.9
    knobs[:, WIDE.names.index("input_gain")] = 0.6
    mix, audible = WIDE.forward_with_audibility(x, RATE, knobs)
    assert residual_db(mix, WIDE(x, RATE, knobs)) <= -130
    rows = [dict(zip(WIDE.names, row, strict=True)) for row in audible.tolist()]
    assert all(rows[0].values())
    assert rows[2]["compressor_ratio"] is False  # 60 dB too quiet to reach the threshold
    _, audible_in_mono = WIDE.forward_with_audibility(x[:, :1], RATE, knobs)
    assert not audible_in_mono[:, width].any()


def test_the_limiter_can_be_omitted():
    x = 3 * song()
    torch.testing.assert_close(WIDE(x, RATE, neutral(), limit=False), x, rtol=1e-4, atol=1e-5)
    assert residual_db(WIDE(x, RATE, neutral()), x) > -20


def test_width_of_a_dry_mono_song_is_inaudible():
    x = song(1, 1).expand(1, 2, -1)
    _, audible = WIDE.forward_with_audibility(x, RATE, draw(1, dry=True))
    assert not audible[0, WIDE.names.index("stereo_width")]


@for_each_range
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_settings_round_trip(ranges, data):
    console = CONSOLES[ranges]
    row = st.lists(st.floats(0, 1, width=32), min_size=P, max_size=P)
    knobs = torch.tensor(data.draw(st.lists(row, min_size=1, max_size=4)))
    written = console.settings(knobs)
    torch.testing.assert_close(console.knobs_from(written), knobs, rtol=0, atol=1e-6)
    for values in written:
        for knob in console.knobs:
            slack = 1e-6 * abs(knob.high)
            assert knob.low - slack <= values[knob.name] <= knob.high + slack
    again = console.settings(console.knobs_from(written))
    for first, second in zip(written, again, strict=True):
        assert first == pytest.approx(second, rel=1e-5, abs=1e-5)


def test_knobs_from_partial_settings():
    knobs = WIDE.knobs_from({"low_eq": 6, "compressor_ratio": 8, "stereo_width": 0.4})
    assert knobs.shape == (1, P)
    values = WIDE.settings(knobs)[0]
    assert values["low_eq"] == pytest.approx(6)
    assert values["compressor_ratio"] == pytest.approx(8)
    assert values["stereo_width"] == pytest.approx(0.4)
    assert values["output_level"] == pytest.approx(1)
    assert torch.equal(WIDE.knobs_from([{}, {}]), neutral(2))
    assert list(values) == WIDE.names


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bass": 3}, "'bass': .*input_gain, compressor_ratio, low_eq"),
        ({"low_eq": 7}, "low_eq is 7 dB: .*-6 to 6"),
        ({"input_gain": -1}, "input_gain is -1 ratio: .*0.25 to 4"),
        ({"compressor_ratio": 0}, "compressor_ratio is 0 :1: .*1 to 8"),
        ({"low_eq": math.nan}, "low_eq is nan dB"),
        ({"low_eq": "loud"}, "low_eq .*'loud'"),
        ({"low_eq": None}, "low_eq .*None"),
    ],
)
def test_invalid_settings(values, message):
    with pytest.raises(ValueError, match=message):
        WIDE.knobs_from(values)


@pytest.mark.parametrize(
    ("audio", "rate", "knobs", "message"),
    [
        (torch.zeros(2, 100), RATE, torch.zeros(1, P), r"audio .*\[2, 100\]"),
        (torch.zeros(1, 3, 100), RATE, torch.zeros(1, P), r"audio .*\[1, 3, 100\]"),
        (torch.zeros(1, 2, 0), RATE, torch.zeros(1, P), r"audio .*\[1, 2, 0\]"),
        (torch.zeros(1, 2, 9).short(), RATE, torch.zeros(1, P), "audio .*torch.int16"),
        (torch.zeros(1, 2, 9), 44.1, torch.zeros(1, P), "sample_rate .*44.1"),
        (torch.zeros(1, 2, 9), RATE, torch.zeros(1, 9), rf"= \[1, {P}\], got \[1, 9\]"),
        (torch.zeros(2, 2, 9), RATE, torch.zeros(1, P), rf"= \[2, {P}\], got \[1, {P}\]"),
        (torch.zeros(1, 2, 9), RATE, torch.zeros(P), rf"= \[1, {P}\], got \[{P}\]"),
    ],
)
@pytest.mark.parametrize("method", ["forward", "invert", "forward_with_audibility"])
def test_invalid_arguments(method, audio, rate, knobs, message):
    with pytest.raises(ValueError, match=message):
        getattr(WIDE, method)(audio, rate, knobs)


def with_value(value, name="low_eq"):
    knobs = neutral().clone()
    knobs[0, WIDE.names.index(name)] = value
    return knobs


METHODS = ["forward", "invert", "forward_with_audibility", "invert_with_audibility"]


@pytest.mark.parametrize("value", [math.nan, math.inf, 3.0, -0.01])
@pytest.mark.parametrize("method", [*METHODS, "settings", "without_neutral"])
def test_positions_outside_0_1_are_refused_by_name(method, value):
    knobs = with_value(value)
    arguments = (song(), RATE, knobs) if method in METHODS else (knobs,)
    with pytest.raises(ValueError, match=rf"^knobs .*low_eq is {value:g}: .*knobs_from.*$"):
        getattr(WIDE, method)(*arguments)


def test_rounded_positions_are_accepted():
    assert WIDE(song(), RATE, with_value(1 + 1e-7)).isfinite().all()


@pytest.mark.parametrize("method", METHODS)
def test_numpy_audio_and_knobs_equal_tensors(method):
    audio, knobs = song(), draw(1)
    want = getattr(WIDE, method)(audio, RATE, knobs)
    got = getattr(WIDE, method)(audio.numpy(), RATE, knobs.numpy())
    torch.testing.assert_close(got, want, rtol=0, atol=0)
    assert WIDE.settings(knobs.numpy()) == WIDE.settings(knobs)


def test_unmix_is_an_alias_of_invert():
    assert Console.unmix is Console.invert


def test_settings_need_a_batch_dimension():
    with pytest.raises(ValueError, match=r"knobs must be \[B, P\]"):
        WIDE.settings(torch.zeros(P))


class Balance(Effect):
    """A test effect with two knobs."""

    knob_names: ClassVar[tuple[str, ...]] = ("left", "right")

    def forward(self, x: Tensor, sample_rate: int, *, left: Tensor, right: Tensor) -> Tensor:
        return x * torch.stack([left, right], dim=1)[:, :, None]

    def invert(self, y: Tensor, sample_rate: int, *, left: Tensor, right: Tensor) -> Tensor:
        return self(y, sample_rate, left=1 / left, right=1 / right)

    def audible(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        return x.abs().amax(dim=(1, 2)) > 0.5


def spec(name, **other):
    return {"name": name, "unit": "ratio", "scale": "log", "neutral": 1, **other}


def small_console(**changes):
    """An effect with two knobs (not in the order of its arguments), one without, one with one."""
    chain = [
        {"name": "balance", "effect": Balance(), "knobs": {"right": spec("r"), "left": spec("l")}},
        {"name": "fixed", "effect": Limiter(ceiling_db=0.0)},
        {"name": "level", "effect": Gain(), "knobs": {"gain": spec("level")}},
    ]
    parts = {
        "chain": chain,
        "limiter": Limiter(),
        "ranges": {n: [0.5, 2] for n in ("l", "r", "level")},
    }
    return Console(**{**parts, **changes})


def test_effects_with_several_knobs_or_none():
    console, x = small_console(), torch.full((2, 2, 10), 0.1)
    assert console.names == ["r", "l", "level"]
    knobs = console.knobs_from([{"l": 2, "r": 0.5}, {"level": 2}])
    mix, audible = console.forward_with_audibility(x, RATE, knobs)
    torch.testing.assert_close(mix[:, :, 0], torch.tensor([[0.2, 0.05], [0.2, 0.2]]))
    assert audible.tolist() == [[False, False, True]] * 2
    torch.testing.assert_close(console.invert(mix, RATE, knobs), x)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ranges": {"l": [0.5, 2], "r": [0.5, 2]}}, "no range for knob level"),
        (
            {"ranges": {n: [0.5, 2] for n in ("l", "r", "level", "air")}},
            r"ranges .*\['air', 'l', 'level', 'r'\] .*knobs \['r', 'l', 'level'\]",
        ),
        (
            {"ranges": {n: [2, 4] for n in ("l", "r", "level")}},
            "knob r: needs low ≤ neutral ≤ high",
        ),
        (
            {"chain": [{"name": "level", "effect": Gain(), "knobs": {"gian": spec("level")}}]},
            r"level: .*\['gian'\].*Gain .*\['gain'\]",
        ),
        (
            {"chain": [{"name": "a", "effect": Gain(), "knobs": {"gain": spec(n)}} for n in "lr"]},
            r"\['a', 'a'\]",
        ),
    ],
)
def test_invalid_consoles(changes, message):
    with pytest.raises(ValueError, match=message):
        small_console(**changes)


def test_a_console_can_be_copied_and_pickled_and_has_no_state():
    knobs = draw(1)
    for copied in (copy.deepcopy(WIDE), pickle.loads(pickle.dumps(WIDE))):
        assert torch.equal(copied(song(), RATE, knobs), WIDE(song(), RATE, knobs))
    assert not list(WIDE.parameters())
    assert not WIDE.state_dict()  # a checkpoint contains the model only


@pytest.mark.parametrize("seed", range(4))
def test_inversion_gives_the_same_audibility_as_rendering(seed):
    """With neutral reverb and delay; on wide, mono and quiet songs."""
    wide = song(3, seed=seed)
    x = torch.stack([wide[0], wide[1].mean(0).expand(2, -1), 1e-3 * wide[2]])
    knobs = draw(3, seed, dry=True)
    finished = WIDE(x, RATE, knobs, limit=False)
    rough, audible = WIDE.invert_with_audibility(finished, RATE, knobs)
    assert rough.equal(WIDE.invert(finished, RATE, knobs))
    assert audible.equal(WIDE.forward_with_audibility(rough, RATE, knobs)[1])
    assert not audible.all()
    behind = {"delay", "reverb", "stereo_width", "output_level"}
    assert WIDE.traceable.tolist() == [name not in behind for name in WIDE.names]


@pytest.mark.parametrize("method", [WIDE.forward_with_audibility, WIDE.invert_with_audibility])
def test_knobs_outside_the_query_count_as_audible(method):
    mono, knobs = song(2).mean(1, keepdim=True).expand(-1, 2, -1), draw(2, dry=True)
    audio, audible = method(1e-3 * mono, RATE, knobs)
    inaudible = {WIDE.names.index(name) for name in ("compressor_ratio", "stereo_width")}
    assert {column for column in range(P) if not audible[:, column].any()} == inaudible
    for column in inaudible:
        query = torch.arange(P) == column
        same_audio, partly_audible = method(1e-3 * mono, RATE, knobs, query)
        assert torch.equal(same_audio, audio)
        assert torch.equal(partly_audible, audible | ~query)
