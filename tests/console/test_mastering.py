"""Tests of the mastering console: live, rendered and offline are equal; neutral is the identity."""

from itertools import pairwise

import pytest
import torch
from numba.core.runtime import _nrt_python, rtsys

from ai_mixer.console import load_console
from ai_mixer.console.process import NO_PATH
from ai_mixer.console.process import process as process_block
from helpers.effects import music
from helpers.measures import residual_db

CONSOLE = load_console("mastering", "wide")
P = len(CONSOLE.knobs)
GENERATOR = torch.Generator().manual_seed(3)
POSITIONS = torch.rand(2, P, dtype=torch.float64, generator=GENERATOR)


@pytest.mark.parametrize("ranges", ["wide", "musical", "gentle"])
def test_all_ranges_have_the_same_knobs_and_neutral(ranges):
    console = load_console("mastering", ranges)
    assert console.names == CONSOLE.names
    assert len(set(console.names)) == P
    assert [k.neutral for k in console.knobs] == [k.neutral for k in CONSOLE.knobs]


@pytest.mark.parametrize("ranges", ["wide", "musical", "gentle"])
def test_frequencies_of_bands_are_in_order(ranges):
    """So that equal sounds have one set of knobs."""
    knobs = {knob.name: knob for knob in load_console("mastering", ranges).knobs}
    bands = [knobs[f"band{number}_frequency"] for number in range(1, 5)]
    assert all(a.high <= b.low for a, b in pairwise(bands))


def test_neutral_is_the_identity():
    x = music(rate=44_100)
    assert residual_db(CONSOLE(x, 44_100, CONSOLE.neutral[None].double()), x) <= -150


@pytest.mark.parametrize(("rate", "size"), [(8_000, 333), (44_100, 4096), (192_000, 1000)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_stream_equals_the_offline_mix(rate, size, channels):
    x, knobs = 3 * music(channels=channels, seconds=0.3, rate=rate)[0].float(), POSITIONS[0]
    stream = CONSOLE.stream(rate, size, channels=channels)
    mixes = [stream(block, knobs) for block in x.split(size, dim=-1)] + [stream.finish()]
    got = torch.cat(mixes, dim=-1)[:, stream.latency_samples :]
    assert residual_db(got, CONSOLE(x[None], rate, knobs[None].float())[0]) <= -90


@pytest.mark.parametrize("limit", [True, False])
def test_rendering_equals_the_offline_mix(limit):
    x, knobs = 2 * music()[0].float(), POSITIONS[1].float()
    blocks = CONSOLE.render(x.split(1000, dim=-1), 44_100, knobs, limit=limit)
    want = CONSOLE(x[None], 44_100, knobs[None], limit=limit)[0]
    assert residual_db(torch.cat(list(blocks), dim=-1), want) <= -90


def test_the_latency_is_that_of_saturation_and_limiter():
    limiter = CONSOLE.limiter.latency_samples(44_100)
    assert CONSOLE.stream(44_100, 64).latency_samples == limiter + 36
    assert CONSOLE.stream(44_100, 64, limit=False).latency_samples == 36


def test_a_block_allocates_no_memory_in_compiled_code():
    stream, x = CONSOLE.stream(44_100, 128), music(seconds=0.1)[0].float()
    stream(x[:, :128], POSITIONS[0])
    empty = torch.empty(2, 0).numpy()
    _nrt_python.memsys_enable_stats()

    def count(function, *arguments):
        before = rtsys.get_allocation_stats().alloc
        function(*arguments)
        return rtsys.get_allocation_stats().alloc - before

    counts = [count(process_block, empty, empty.copy(), stream._target, NO_PATH, stream._memory)]
    blocks = x[:, : 128 * 20].split(128, dim=-1)
    counts += [count(stream, block, POSITIONS[n % 2]) for n, block in enumerate(blocks)]
    _nrt_python.memsys_disable_stats()
    assert set(counts) == {counts[0]}


def test_every_knob_receives_a_gradient():
    knobs = torch.full((1, P), 0.3, dtype=torch.float64, requires_grad=True)
    CONSOLE(8 * music(seconds=0.2), 44_100, knobs, limit=False).square().sum().backward()
    assert torch.isfinite(knobs.grad).all()
    assert (knobs.grad != 0).all()


def test_the_inverse_returns_the_input_of_what_has_an_inverse():
    x = 0.3 * music()
    knobs = torch.where(CONSOLE.invertible, 0.6, CONSOLE.neutral)[None].double()
    mix = CONSOLE(x, 44_100, knobs, limit=False)
    assert residual_db(CONSOLE.invert(mix, 44_100, knobs), x) <= -150
    masked = {n for n, ok in zip(CONSOLE.names, CONSOLE.invertible, strict=True) if not ok}
    starts = ("low_cut", "mono_bass", "saturation", "low_band", "mid_band", "high_band")
    assert masked == {name for name in CONSOLE.names if name.startswith(starts)}


def test_audibility_is_that_of_each_knob_in_both_directions():
    """A band of 0.2 dB: its gain is labelled, its frequency and Q are not."""
    settings = {"band1_gain": 0.2, "band2_gain": 3.0, "compressor_makeup": 2.0}
    knobs, x = CONSOLE.knobs_from(settings).double(), 0.01 * music()
    _, forward = CONSOLE.forward_with_audibility(x, 44_100, knobs)
    _, backward = CONSOLE.invert_with_audibility(x, 44_100, knobs)
    for audible in (forward, backward):
        heard = dict(zip(CONSOLE.names, audible[0].tolist(), strict=True))
        assert not heard["band1_frequency"]
        assert not heard["band1_q"]
        assert heard["band1_gain"]
        assert heard["band2_frequency"]
        assert heard["compressor_makeup"]
        assert not heard["compressor_threshold"]
    assert torch.equal(forward, backward)
