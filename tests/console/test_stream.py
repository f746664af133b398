"""Tests of the console for live audio and of rendering in blocks: equality with the offline mix."""

import math
import re
import subprocess
import sys
from typing import ClassVar

import pytest
import torch
from numba.core.runtime import _nrt_python, rtsys

from ai_mixer.console import Console, load_console
from ai_mixer.console.offline_stream import BLOCK_SAMPLES
from ai_mixer.console.process import NO_PATH
from ai_mixer.console.process import process as process_block
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.limiter import Limiter
from helpers.measures import residual_db
from helpers.parameters import first_fast

RATE = 44_100
WIDE, _ = load_console("classic", "wide").streamable_part()
P = len(WIDE.knobs)
HIGH = torch.full((P,), 0.7)


def song(channels=2, seconds=0.5, rate=RATE, dtype=torch.float32):
    """Noise of varying level; loud enough to activate the limiter behind the console."""
    generator = torch.Generator().manual_seed(0)
    length = round(seconds * rate)
    swell = 0.05 + torch.sin(torch.linspace(0, 9, length)).abs()
    noise = torch.randn(2, length, generator=generator, dtype=torch.float32)
    return (0.2 * swell * noise)[:channels].to(dtype)


def process(stream, x, knobs, size):
    """The stream's output for x without the latency; the knobs are passed with the first block."""
    mixes = [stream(b, None if index else knobs) for index, b in enumerate(x.split(size, dim=-1))]
    return torch.cat([*mixes, stream.finish()], dim=-1)[:, stream.latency_samples :]


@pytest.mark.parametrize(
    ("rate", "channels", "size", "dtype"),
    [
        (44_100, 2, 128, torch.float32),
        pytest.param(44_100, 2, 4096, torch.float64, marks=pytest.mark.slow),
        (48_000, 1, 1000, torch.float32),
        (96_000, 2, 4096, torch.float32),
        (8_000, 2, 333, torch.float32),
    ],
)
@pytest.mark.parametrize("position", [0.0, 1.0])
def test_the_stream_equals_the_offline_mix(rate, channels, size, dtype, position):
    x, knobs = song(channels, 0.5, rate, dtype), torch.full((P,), position)
    y = process(WIDE.stream(rate, size), x, knobs, size)
    assert y.dtype == dtype
    assert residual_db(y, WIDE(x[None], rate, knobs[None])[0]) <= -110


def test_initial_knobs_are_neutral_and_neutral_is_bit_exact():
    x = song()
    assert torch.equal(process(WIDE.stream(RATE, 128), x, None, 128), x)
    assert torch.equal(process(WIDE.stream(RATE, 128, limit=False), x, WIDE.neutral, 128), x)


def test_the_latency_is_that_of_the_limiter():
    limiter = WIDE.limiter.stream(RATE)
    assert WIDE.stream(RATE, 128).latency_samples == limiter.latency_samples
    assert WIDE.stream(RATE, 128, limit=False).latency_samples == 0


@pytest.mark.parametrize("dtype", first_fast([torch.float32, torch.float64]))
def test_a_knob_change_does_not_depend_on_the_block_size(dtype):
    x, mixes = song(dtype=dtype), []
    for size in (500, 2000):
        stream, blocks = WIDE.stream(RATE, size), []
        for start in range(0, x.shape[-1], size):
            knobs = HIGH if start >= 10_000 else 1 - HIGH if start >= 8_000 else None
            blocks.append(stream(x[:, start : start + size], knobs))
        mixes.append(torch.cat(blocks, dim=-1))
    assert residual_db(*mixes) <= -120


def test_knobs_of_each_block_equal_knobs_of_the_first_block_only():
    x = song()
    once = process(WIDE.stream(RATE, 512), x, HIGH, 512)
    stream = WIDE.stream(RATE, 512)
    always = torch.cat([stream(block, HIGH[None].double()) for block in x.split(512, dim=-1)], -1)
    latency = stream.latency_samples
    assert residual_db(always[:, latency:], once[:, : x.shape[-1] - latency]) <= -120


def test_numpy_blocks_and_knobs_equal_tensors():
    x, streams = song(), [WIDE.stream(RATE, 512) for _ in range(2)]
    y = streams[0](x[:, :512].numpy(), HIGH.numpy())
    assert torch.equal(y, streams[1](x[:, :512], HIGH))


@pytest.fixture
def count_allocations():
    """Function that returns the number of allocations of compiled code during a call."""

    def count(function, *arguments):
        before = rtsys.get_allocation_stats()
        function(*arguments)
        return rtsys.get_allocation_stats().alloc - before.alloc

    _nrt_python.memsys_enable_stats()
    yield count
    _nrt_python.memsys_disable_stats()


@pytest.mark.parametrize("limit", [True, False])
def test_a_block_allocates_no_memory_in_compiled_code(limit, count_allocations):
    """With moving knobs and a limiter at work. An empty block counts the arguments."""
    stream, x = WIDE.stream(RATE, 128, limit=limit), 4 * song(seconds=0.1)
    stream(x[:, :128], HIGH)
    empty, out = torch.empty(2, 0).numpy(), torch.empty(2, 0).numpy()
    arguments = count_allocations(
        process_block, empty, out, stream._target, NO_PATH, stream._memory
    )
    assert arguments > 0
    for number, block in enumerate(x.split(128, dim=-1)):
        knobs = HIGH if number % 2 else 1 - HIGH
        assert count_allocations(stream, block, knobs) == arguments


def test_an_empty_block_changes_no_state():
    x, stream = song(), WIDE.stream(RATE, 128)
    assert stream(x[:, :0]).shape == (2, 0)
    assert torch.equal(process(stream, x, None, 128), x)


def test_the_output_has_no_gradient_and_the_input_is_unchanged():
    x = song(dtype=torch.float64).requires_grad_()
    before = x.detach().clone()
    for limit in (True, False):
        y = WIDE.stream(RATE, RATE, limit=limit)(x, HIGH.clone().requires_grad_())
        assert not y.requires_grad
    assert torch.equal(x.detach(), before)


def test_nan_and_infinite_samples_count_as_zero():
    x = song()
    broken = x.clone()
    x[:, 5000:5002] = 0.0
    broken[0, 5000], broken[1, 5001] = math.nan, math.inf
    x[1, 5000], x[0, 5001] = broken[1, 5000], broken[0, 5001]
    got, want = (process(WIDE.stream(RATE, 256), signal, HIGH, 256) for signal in (broken, x))
    assert torch.equal(got, want)


@pytest.mark.parametrize(
    ("block", "knobs", "message"),
    [
        (torch.zeros(2, 129), None, "n ≤ 128, got [2, 129]"),
        (torch.zeros(128), None, "block must be [C, n]"),
        (torch.zeros(3, 64), None, "2 channels, got 3"),
        (torch.zeros(2, 64, dtype=torch.int16), None, "torch.int16"),
        (torch.zeros(2, 64), torch.zeros(3), "knobs must be"),
        (torch.zeros(2, 64), torch.full((P,), math.nan), "0 to 1, input_gain is nan"),
        (torch.zeros(2, 64), torch.full((P,), 1.1), "0 to 1, input_gain is 1.1"),
    ],
)
def test_invalid_arguments_raise_one_line_and_change_no_state(block, knobs, message):
    stream = WIDE.stream(RATE, 128)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        stream(block, knobs)
    assert "\n" not in str(error.value)
    x = song(seconds=0.05)
    assert torch.equal(process(stream, x, None, 128), x)


def test_the_channel_count_cannot_change_after_the_first_block():
    stream = WIDE.stream(RATE, 128)
    stream(torch.zeros(2, 64))
    with pytest.raises(ValueError, match="2 channels, got 1"):
        stream(torch.zeros(1, 64))


@pytest.mark.parametrize(("rate", "size"), [(4_000, 128), (RATE, 0), (44_100.5, 128)])
def test_invalid_sample_rate_or_block_size(rate, size):
    with pytest.raises(ValueError, match=r"sample_rate|block_size"):
        WIDE.stream(rate, size)


class Product(Effect):
    """Gain with two knobs that are multiplied, so that a table per knob would be wrong."""

    knob_names: ClassVar[tuple[str, ...]] = ("left", "right")

    def forward(self, x, sample_rate, *, left, right):
        return x * (left * right)[:, None, None].to(x)

    def streaming_kernel(self):
        return StreamingKernel(KernelKind.MIX)

    def coefficients(self, sample_rate, *, left, right):
        return torch.stack([left * right, torch.zeros_like(left)], dim=1)


def knob_spec(name):
    return {"name": name, "unit": "ratio", "scale": "log", "neutral": 1.0}


def test_an_effect_with_several_knobs():
    knobs = {"left": knob_spec("left"), "right": knob_spec("right")}
    entry = {"name": "product", "effect": Product(), "knobs": knobs}
    console = Console([entry], Limiter(), {"left": (0.25, 4.0), "right": (0.5, 2.0)})
    x, end = song(), torch.tensor([0.9, 0.2])
    stream = console.stream(RATE, 1000, limit=False)
    blocks = [stream(x[:, :1000])] + [stream(b, end) for b in x[:, 1000:].split(1000, -1)]
    expected = console(x[None], RATE, end[None], limit=False)[0]
    assert residual_db(torch.cat(blocks, dim=-1)[:, 10_000:], expected[:, 10_000:]) <= -110


@pytest.mark.parametrize("limit", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
def test_rendering_in_blocks_equals_the_offline_mix(channels, limit):
    x = song(channels, 4.0)
    mix = torch.cat(list(WIDE.render(x.split(50_001, -1), RATE, HIGH, limit=limit)), dim=-1)
    assert mix.shape == x.shape
    assert residual_db(mix, WIDE(x[None], RATE, HIGH[None], limit=limit)[0]) <= -110


@pytest.mark.parametrize("length", [1, 100, 316, 317, BLOCK_SAMPLES])
def test_the_rendered_song_has_the_length_of_the_input(length):
    x = song()[:, :length]
    mix = torch.cat(list(WIDE.render([x[:, :50], x[:, 50:]], RATE, WIDE.neutral)), dim=-1)
    assert torch.equal(mix, x)


def test_rendering_no_blocks_yields_none():
    assert list(WIDE.render([], RATE, HIGH)) == []


@pytest.mark.parametrize(("reverb", "allowed"), [(0.0, 10_000 + 316), (0.7, 120_000)])
def test_rendering_buffers_at_most_one_block_and_the_look_ahead(reverb, allowed):
    """With reverb, a block of its Fourier transform."""
    knobs, n_read, n_written = HIGH.clone(), 0, 0
    knobs[WIDE.names.index("reverb")] = reverb

    def blocks():
        nonlocal n_read
        for block in song(seconds=6.0).split(10_000, dim=-1):
            n_read += block.shape[-1]
            yield block

    for mix in WIDE.render(blocks(), RATE, knobs):
        n_written += mix.shape[-1]
        assert n_read - n_written <= allowed


MEMORY_SCRIPT = """
import torch

from ai_mixer.evaluation.bench.memory import peak_mib
from ai_mixer.console import load_console

console, minute = load_console("classic", "wide"), 0.1 * torch.randn(2, 60 * 44_100)
knobs = torch.full((len(console.knobs),), 0.7)

def render(minutes):
    blocks = (block for _ in range(minutes) for block in minute.split(BLOCK, dim=-1))
    return sum(mix.shape[-1] for mix in console.render(blocks, 44_100, knobs))

assert render(1) == minute.shape[-1]  # compiles everything
print(peak_mib(lambda: render(1)), peak_mib(lambda: render(10)))
"""


@pytest.mark.slow
def test_ten_minutes_take_no_more_memory_than_one():
    """In a process of its own, without the memory of other tests."""
    code = MEMORY_SCRIPT.replace("BLOCK", str(BLOCK_SAMPLES))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    one, ten = map(float, done.stdout.split())
    assert ten < one + 10
    assert ten < 60  # a minute of audio has 20 MiB, ten minutes have 200
