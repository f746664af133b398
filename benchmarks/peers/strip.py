"""Strip of `studio` with gradients, against an EQ of six bands and a compressor."""

from collections.abc import Iterator

import torch
from comparison import PeerComparison
from equaliser import BELLS_HZ, HIGH_HZ, LOW_HZ
from torch import Tensor

from ai_mixer.console import load_console
from ai_mixer.evaluation.bench.synthetic_input import synthetic_audio
from ai_mixer.evaluation.bench.workloads import KNOB_POSITION, Workload, forward_backward

MIN_SPEEDUP = 12.0


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """One track, and 16 at once."""
    for tracks in (1, 16):
        rows = synthetic_audio(tracks, audio.shape[-1] / rate, rate)
        yield PeerComparison(
            f"strip of studio, {tracks} × stereo, f+b",
            forward_backward(_ours(rows, rate)),
            {"dasp-pytorch EQ + compressor": lambda rows=rows: forward_backward(_dasp(rows, rate))},
            min_speedups={"dasp-pytorch EQ + compressor": MIN_SPEEDUP},
        )


def _ours(audio: Tensor, rate: int) -> Workload:
    strip = load_console("studio").strip
    knobs = audio.new_full((len(audio), len(strip.knobs)), KNOB_POSITION)
    return Workload("ours", lambda x, knobs: strip(x, rate, knobs, limit=False), (audio, knobs))


def _dasp(audio: Tensor, rate: int) -> Workload:
    from dasp_pytorch.functional import compressor, parametric_eq

    bands = [value for hz in (LOW_HZ, *BELLS_HZ, HIGH_HZ) for value in (3.0, hz, 0.7)]
    settings = (*bands, -18.0, 4.0, 10.0, 100.0, 6.0, 0.0)
    values = [torch.full((len(audio),), value) for value in settings]

    def strip(x: Tensor, *values: Tensor) -> Tensor:
        return compressor(parametric_eq(x, rate, *values[:18]), rate, *values[18:])

    return Workload("dasp", strip, (audio, *values))
