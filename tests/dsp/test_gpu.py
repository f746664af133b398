"""Kernels on a GPU equal those on the CPU: on numba's CUDA simulator everywhere, and on a GPU."""

import importlib.util
import os
import subprocess
import sys
from functools import cache

import pytest
import torch

from ai_mixer.dsp import (  # noqa: F401
    compressor,
    dynamics_output,
    feedback_delay,
    feedback_network,
    gpu,
    gpu_kernels,
    inverse_compressor,
    oversampling,
)
from ai_mixer.dsp.k_weighting import k_weighting
from ai_mixer.dsp.recursions import coefficient_rows
from helpers import simulated_gpu
from helpers.devices import CpuTensors
from helpers.signals import noise

OPS = torch.ops.ai_mixer
SETTINGS = [0.5, 0.9, -18.0, 6.0, 9.0]  # attack, release, threshold, knee, cap
BALLISTICS = (8, 3, 0.9, 0.95)
WEIGHTS = [number for b, a in k_weighting(8000) for number in (*b, *a[1:])]


NAMES = (
    *("biquad", "biquad backward", "one pole", "smoothing", "smoothing backward"),
    *("compressor gain", "compress", "compress backward", "inverse compressor"),
    *("gain reductions", "look-ahead", "look-ahead backward", "hop energies"),
    *("hop energies backward", "required gain", "true peak"),
    *("dynamics", "dynamics backward", "inverse dynamics"),
    *("dynamics output", "dynamics output backward"),
    *("delay", "delay backward", "network", "network backward", "interpolate", "decimate"),
    *(f"biquad in chunks of {size}" for size in (120, 16, 7)),
)


@cache
def make_cases():
    """Name: function of `dsp.gpu` and arguments. Not on import, as it compiles kernels."""
    x = noise(2, 2, 120, level=0.7)
    rows = noise(2, 120, level=3.0, seed=1, dtype=torch.float64)
    b, a = (
        torch.tensor([[first, -1.2, 0.5], [first, 0.4, 0.3]], dtype=torch.float64)
        for first in (0.7, 1.0)
    )
    slope = torch.tensor([0.5, 0.8], dtype=torch.float64)
    poles = torch.tensor([0.5, 0.6], dtype=torch.float64), torch.tensor([0.9, 0.95]).double()
    needed, compressed = -rows.square(), OPS.compress(x, slope, SETTINGS)
    gain, origins, choices = OPS.lookahead_gain(needed, *BALLISTICS)
    long = noise(2, 2, 250, level=0.7)
    cases = {
        "biquad": ("biquad", (x, b, a)),
        "biquad backward": ("biquad_backward", (x.flip(-1), x, b, a, OPS.biquad(x, b, a))),
        "one pole": ("one_pole", (rows, 0.9 * rows.sin())),
        "smoothing": ("attack_release", (needed, *poles)),
        "smoothing backward": (
            "attack_release_backward",
            (rows, needed, *poles, OPS.attack_release(needed, *poles)),
        ),
        "compressor gain": ("compressor_gain", (x, slope, SETTINGS)),
        "compress": ("compress", (x, slope, SETTINGS)),
        "compress backward": (
            "compress_backward",
            (x.flip(-1), x, slope, *compressed[1:], SETTINGS),
        ),
        "inverse compressor": ("inverse_compressor", (x, slope, SETTINGS)),
        "gain reductions": ("mean_gain_reductions", (x, [1.0, *SETTINGS] * 3, 16, 9)),
        "look-ahead": ("lookahead_gain", (needed, *BALLISTICS)),
        "look-ahead backward": ("lookahead_gain_backward", (gain, origins, choices, *BALLISTICS)),
        "hop energies": ("hop_energies", (x, WEIGHTS, 30)),
        "hop energies backward": (
            "hop_energies_backward",
            (noise(2, 2, 4).double(), x, WEIGHTS, 25),
        ),
        "required gain": ("required_gain", (long, 0.5, 0.49, 8, [9.0, 9.0, 9.0], 60)),
        "true peak": ("true_peak_envelope", (long, 4, 48, 6.0, 0.0)),
    }
    settings = torch.tensor([[0.5, *SETTINGS], [0.8, 0.6, 0.8, -24.0, 3.0, 12.0]]).double()
    known = OPS.dynamics_gain(x, settings)
    cases["dynamics"] = ("dynamics_gain", (x, settings))
    cases["dynamics backward"] = ("dynamics_gain_backward", (needed, x, settings, *known))
    cases["inverse dynamics"] = ("inverse_dynamics_gain", (x, settings))
    gains = torch.tensor([[1.0, 0.5], [2.0, 0.1]], dtype=torch.float64)
    gain_db = OPS.apply_dynamics(x, settings, gains)[1]
    cases["dynamics output"] = ("apply_dynamics", (x, settings, gains))
    cases["dynamics output backward"] = (
        "apply_dynamics_backward",
        (x.flip(-1), x, settings, gains, gain_db),
    )
    delays = torch.tensor([[7.3, 0.6, 0.4], [30.0, 0.9, 0.1]]).double()
    echoes = OPS.feedback_delay(x, delays)
    cases["delay"] = ("feedback_delay", (x, delays))
    cases["delay backward"] = ("feedback_delay_backward", (x.flip(-1), x, delays, echoes))
    filters = torch.tensor([[0.6, 0.3], [0.8, 0.1]]).double().repeat(1, feedback_network.LINES)
    lengths = list(range(7, 7 + 2 * feedback_network.LINES, 2))
    _, inputs = OPS.feedback_network(x, filters, lengths)
    cases["network"] = ("feedback_network", (x, filters, lengths))
    cases["network backward"] = (
        "feedback_network_backward",
        (x.flip(-1), x, filters, inputs, lengths),
    )
    cases["interpolate"] = ("interpolate", (x,))
    cases["decimate"] = ("decimate", (OPS.interpolate(x),))
    for size in (120, 16, 7):  # one chunk, equal ones, a shorter last one
        arguments = (x.flatten(0, 1), coefficient_rows(b, a, 2), size)
        cases[f"biquad in chunks of {size}"] = ("filter_in_chunks", arguments)
    assert tuple(cases) == NAMES
    return cases


def check(name, outputs):
    """Forward within −100 dB of the CPU's operator, gradients within 1e-4."""
    function, arguments = make_cases()[name]
    if function == "filter_in_chunks":
        wanted = OPS.biquad(*make_cases()["biquad"][1]).flatten(0, 1)
    else:
        wanted = getattr(OPS, function)(*arguments)
    outputs, wanted = ((y,) if isinstance(y, torch.Tensor) else y for y in (outputs, wanted))
    if name == "look-ahead":  # its choices may differ where both give the same gain
        outputs, wanted = outputs[:1], wanted[:1]
    tolerance = 1e-4 if "backward" in name else 1e-5
    for got, want in zip(outputs, wanted, strict=True):
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        assert (got.cpu() - want).abs().max() <= tolerance * want.abs().max()
        assert want.abs().max() > 0


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Results of all cases; one process, because the simulator is chosen on import."""
    files = [tmp_path_factory.mktemp("gpu") / name for name in ("cases.pt", "results.pt")]
    torch.save(list(make_cases().values()), files[0])
    command = [sys.executable, "-W", "ignore", simulated_gpu.__file__, *map(str, files)]
    simulator = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    subprocess.run(command, env={**os.environ, **simulator}, check=True, timeout=300)
    return dict(zip(make_cases(), torch.load(files[1], weights_only=True), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_on_the_simulator_equals_the_cpu(simulated, name):
    check(name, simulated[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_makes_no_copies_between_devices(monkeypatch, name):
    """On the meta device, which refuses to give data to the CPU."""
    monkeypatch.setattr(gpu_kernels, "launch", lambda *_: None)
    monkeypatch.setattr(
        gpu, "_on_device", lambda settings, device: torch.empty(3, 6, device=device)
    )
    function, arguments = make_cases()[name]
    on_meta = [x.to("meta") if isinstance(x, torch.Tensor) else x for x in arguments]
    with CpuTensors() as found:
        getattr(gpu, function)(*on_meta)
    assert not found.operations


def test_without_numba_cuda_the_cpu_computes_and_one_line_says_so(monkeypatch):
    lines = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    gpu.has_compiled_kernels.cache_clear()
    monkeypatch.setattr(gpu.logger, "warning", lines.append)
    function, arguments = make_cases()["compress"]
    for _ in range(2):
        outputs = gpu.run(function, compressor._compress.kernel, *arguments)
        for got, want in zip(outputs, OPS.compress(*arguments), strict=True):
            assert torch.equal(got, want)
    gpu.has_compiled_kernels.cache_clear()
    (line,) = lines
    assert "ai-mixer[gpu]" in line
    assert "\n" not in line


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_on_a_gpu_equals_the_cpu(name):
    function, arguments = make_cases()[name]
    on_gpu = [x.cuda() if isinstance(x, torch.Tensor) else x for x in arguments]
    check(name, getattr(gpu, function)(*on_gpu))


def test_an_operator_without_a_kernel_of_its_own_runs_on_the_cpu():
    x = torch.arange(3.0)
    y, z = gpu.run("not_a_kernel", lambda x, shift: (x + shift, x * 2), x, 1.0)
    torch.testing.assert_close((y, z), (x + 1, x * 2))
