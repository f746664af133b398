import math
import re
import subprocess
import sys
from typing import ClassVar

import pytest
import torch

from ai_mixer.console import Console, load_console
from ai_mixer.console.offline_stream import BLOCK_SAMPLES
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.limiter import Limiter
from helpers.measures import residual_db

RATE = 44_100
WIDE = load_console("classic", "wide")
P = len(WIDE.knobs)
HIGH = torch.full((P,), 0.7)


def song(channels=2, seconds=0.5, rate=RATE, dtype=torch.float32):
    """Noise that swells and fades; through the console it makes the limiter work."""
    generator = torch.Generator().manual_seed(0)
    length = round(seconds * rate)
    swell = 0.05 + torch.sin(torch.linspace(0, 9, length)).abs()
    noise = torch.randn(2, length, generator=generator, dtype=torch.float32)
    return (0.2 * swell * noise)[:channels].to(dtype)


def played(stream, x, knobs, size):
    """All of x, without the latency; the knobs with the first block only."""
    mixes = [stream(b, None if index else knobs) for index, b in enumerate(x.split(size, dim=-1))]
    return torch.cat([*mixes, stream.finish()], dim=-1)[:, stream.latency_samples :]


@pytest.mark.parametrize(
    ("rate", "channels", "size", "dtype"),
    [
        (44_100, 2, 128, torch.float32),
        (44_100, 2, 4096, torch.float64),
        (48_000, 1, 1000, torch.float32),
        (96_000, 2, 4096, torch.float32),
        (8_000, 2, 333, torch.float32),
    ],
)
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_the_chain_is_that_of_the_offline_mix(rate, channels, size, dtype, position):
    x, knobs = song(channels, 0.5, rate, dtype), torch.full((P,), position)
    y = played(WIDE.stream(rate, size), x, knobs, size)
    assert y.dtype == dtype
    assert residual_db(y, WIDE(x[None], rate, knobs[None])[0]) <= -110


def test_neutral_is_bit_for_bit_and_where_it_starts():
    x = song()
    assert torch.equal(played(WIDE.stream(RATE, 128), x, None, 128), x)
    assert torch.equal(played(WIDE.stream(RATE, 128, limit=False), x, WIDE.neutral, 128), x)


def test_latency_is_that_of_the_limiter():
    limiter = WIDE.limiter.stream(RATE)
    assert WIDE.stream(RATE, 128).latency_samples == limiter.latency_samples
    assert WIDE.stream(RATE, 128, limit=False).latency_samples == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_turn_sounds_the_same_however_it_is_cut(dtype):
    x, mixes = song(dtype=dtype), []
    for size in (500, 2000):
        stream, blocks = WIDE.stream(RATE, size), []
        for start in range(0, x.shape[-1], size):
            knobs = HIGH if start >= 10_000 else 1 - HIGH if start >= 8_000 else None
            blocks.append(stream(x[:, start : start + size], knobs))
        mixes.append(torch.cat(blocks, dim=-1))
    assert residual_db(*mixes) <= -120


def test_none_leaves_the_knobs_and_the_same_again_changes_nothing():
    x = song()
    once = played(WIDE.stream(RATE, 512), x, HIGH, 512)
    stream = WIDE.stream(RATE, 512)
    always = torch.cat([stream(block, HIGH[None].double()) for block in x.split(512, dim=-1)], -1)
    late = stream.latency_samples
    assert residual_db(always[:, late:], once[:, : x.shape[-1] - late]) <= -120


def test_outside_the_range_as_offline():
    x, knobs = song(), torch.full((P,), 1.1)
    want = WIDE(x[None], RATE, knobs[None], limit=False)[0]
    assert residual_db(played(WIDE.stream(RATE, 512, limit=False), x, knobs, 512), want) <= -110


def test_an_empty_block_takes_no_time():
    x, stream = song(), WIDE.stream(RATE, 128)
    assert stream(x[:, :0]).shape == (2, 0)
    assert torch.equal(played(stream, x, None, 128), x)


def test_no_gradients_and_the_input_is_left_alone():
    x = song(dtype=torch.float64).requires_grad_()
    before = x.detach().clone()
    for limit in (True, False):
        y = WIDE.stream(RATE, RATE, limit=limit)(x, HIGH.clone().requires_grad_())
        assert not y.requires_grad
    assert torch.equal(x.detach(), before)


def test_a_sample_that_is_no_number_does_no_lasting_harm():
    x = song()
    broken = x.clone()
    x[:, 5000:5002] = 0.0
    broken[0, 5000], broken[1, 5001] = math.nan, math.inf
    x[1, 5000], x[0, 5001] = broken[1, 5000], broken[0, 5001]
    got, want = (played(WIDE.stream(RATE, 256), signal, HIGH, 256) for signal in (broken, x))
    assert torch.equal(got, want)


@pytest.mark.parametrize(
    ("block", "knobs", "words"),
    [
        (torch.zeros(2, 129), None, "n ≤ 128, got [2, 129]"),
        (torch.zeros(128), None, "block must be [C, n]"),
        (torch.zeros(3, 64), None, "2 channels, got 3"),
        (torch.zeros(2, 64, dtype=torch.int16), None, "torch.int16"),
        (torch.zeros(2, 64), torch.zeros(3), "knobs must be"),
        (torch.zeros(2, 64), torch.full((P,), math.nan), "knobs must be finite"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(block, knobs, words):
    stream = WIDE.stream(RATE, 128)
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        stream(block, knobs)
    assert "\n" not in str(error.value)
    x = song(seconds=0.05)
    assert torch.equal(played(stream, x, None, 128), x)  # and nothing has happened


def test_stereo_does_not_become_mono_on_the_way():
    stream = WIDE.stream(RATE, 128)
    stream(torch.zeros(2, 64))
    with pytest.raises(ValueError, match="2 channels, got 1"):
        stream(torch.zeros(1, 64))


@pytest.mark.parametrize(("rate", "size"), [(4_000, 128), (RATE, 0), (44_100.5, 128)])
def test_a_stream_that_cannot_be(rate, size):
    with pytest.raises(ValueError, match=r"sample_rate|block_size"):
        WIDE.stream(rate, size)


class Tilt(Effect):
    """Two knobs whose product counts, so that no table of one would do."""

    knob_names: ClassVar[tuple[str, ...]] = ("left", "right")

    def forward(self, x, sample_rate, *, left, right):
        return x * (left * right)[:, None, None].to(x)

    def streaming_kernel(self, sample_rate, channels):
        return StreamingKernel(KernelKind.MIX)

    def coefficients(self, sample_rate, *, left, right):
        return torch.stack([left * right, torch.zeros_like(left)], dim=1)


class Deaf(Effect):
    """Has no live side."""


def page(name):
    return {"name": name, "unit": "ratio", "scale": "log", "neutral": 1.0}


def test_an_effect_of_several_knobs():
    knobs = {"left": page("left"), "right": page("right")}
    entry = {"name": "tilt", "effect": Tilt(), "knobs": knobs}
    console = Console([entry], Limiter(), {"left": (0.25, 4.0), "right": (0.5, 2.0)})
    x, end = song(), torch.tensor([0.9, 0.2])
    stream = console.stream(RATE, 1000, limit=False)
    blocks = [stream(x[:, :1000])] + [stream(b, end) for b in x[:, 1000:].split(1000, -1)]
    want = console(x[None], RATE, end[None], limit=False)[0]
    assert residual_db(torch.cat(blocks, dim=-1)[:, 10_000:], want[:, 10_000:]) <= -110


def test_an_effect_without_a_live_side_is_named():
    console = Console([{"name": "deaf", "effect": Deaf()}], Limiter(), {})
    with pytest.raises(NotImplementedError, match="Deaf cannot be played live"):
        console.stream(RATE, 128)


@pytest.mark.parametrize("limit", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_rendering_in_blocks_is_the_offline_mix(channels, limit):
    x = song(channels, 1.6)
    mix = torch.cat(list(WIDE.render(x.split(50_001, -1), RATE, HIGH, limit=limit)), dim=-1)
    assert mix.shape == x.shape
    assert residual_db(mix, WIDE(x[None], RATE, HIGH[None], limit=limit)[0]) <= -110


@pytest.mark.parametrize("length", [1, 100, 316, 317, BLOCK_SAMPLES])
def test_a_rendered_song_keeps_its_length(length):
    x = song()[:, :length]
    mix = torch.cat(list(WIDE.render([x[:, :50], x[:, 50:]], RATE, WIDE.neutral)), dim=-1)
    assert torch.equal(mix, x)


def test_nothing_becomes_nothing():
    assert list(WIDE.render([], RATE, HIGH)) == []


def test_little_is_in_flight():
    taken = given = 0

    def blocks():
        nonlocal taken
        for block in song(seconds=2.0).split(10_000, dim=-1):
            taken += block.shape[-1]
            yield block

    for mix in WIDE.render(blocks(), RATE, HIGH):
        given += mix.shape[-1]
        assert taken - given <= 10_000 + 316


IN_A_PROCESS_OF_ITS_OWN = """
import torch

from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.console import load_console

console, minute = load_console("classic", "wide"), 0.1 * torch.randn(2, 60 * 44_100)
knobs = torch.full((len(console.knobs),), 0.7)

def render(minutes):
    blocks = (block for _ in range(minutes) for block in minute.split(BLOCK, dim=-1))
    return sum(mix.shape[-1] for mix in console.render(blocks, 44_100, knobs))

assert render(1) == minute.shape[-1]  # and everything is compiled
print(peak_mib(lambda: render(1)), peak_mib(lambda: render(10)))
"""


@pytest.mark.slow
def test_ten_minutes_take_no_more_memory_than_one():
    """What other tests left in this process does not count."""
    code = IN_A_PROCESS_OF_ITS_OWN.replace("BLOCK", str(BLOCK_SAMPLES))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    one, ten = map(float, said.stdout.split())
    assert ten < one + 10
    assert ten < 60  # a minute of audio has 20 MiB, ten minutes have 200
