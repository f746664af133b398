"""A reverb of 1.2 s (four paths) against a convolution with 60,000 taps (two paths).

dasp-pytorch's noise reverb is omitted: 55 s forward, 210 s with gradients, for 10 s of stereo.
"""

from collections.abc import Iterator

import torch
from comparison import PeerComparison
from torch import Tensor

from ai_mixer.effects.reverb import Reverb
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.evaluation.bench.workloads import Workload, forward, forward_backward

# grafx imports torchaudio, which fails on some machines unless the shim was imported first.
from ai_mixer.utils.torchaudio_shim import torchaudio

TAPS = 60_000
WET = 0.3


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """The reverb, forward and with gradients."""
    reverb, wet = Reverb(), torch.full((len(audio),), WET)
    ours = Workload("ours", lambda x, wet: reverb(x, rate, wet=wet), (audio, wet))
    yield PeerComparison(
        "reverb, f+b",
        forward_backward(ours),
        {
            "grafx, 60,000 taps": lambda: forward_backward(_grafx(audio, learned=True)),
            "grafx, 60,000 fixed taps": lambda: forward_backward(_grafx(audio, learned=False)),
        },
        min_speedups={"grafx, 60,000 taps": 3.0},
    )
    yield PeerComparison(
        "reverb, f",
        forward(ours),
        {
            "grafx, 60,000 taps": lambda: forward(_grafx(audio, learned=True)),
            "pedalboard (Freeverb)": lambda: _pedalboard(audio, rate),
            "libsonare (feedback delay network)": lambda: _libsonare(audio, rate),
        },
    )


def _grafx(audio: Tensor, learned: bool) -> Workload:
    assert torchaudio
    from grafx.processors.core.convolution import convolve

    decay = torch.exp(-7.0 * torch.arange(TAPS) / TAPS)
    response = 0.02 * decay * torch.randn(1, 2, TAPS)
    wet = torch.full((len(audio),), WET)

    def render(x: Tensor, wet: Tensor, response: Tensor = response) -> Tensor:
        reverb = convolve(x, response, mode="causal")
        return torch.lerp(x, reverb, wet[:, None, None])

    return Workload("grafx", render, (audio, wet, response) if learned else (audio, wet))


def _pedalboard(audio: Tensor, rate: int) -> TimedFunction:
    import pedalboard

    effect, x = pedalboard.Reverb(), audio[0].numpy()
    return lambda: effect(x, rate)


def _libsonare(audio: Tensor, rate: int) -> TimedFunction:
    import libsonare

    left, right = (row.numpy() for row in audio[0])
    params = {"decaySec": 1.2, "dryWet": WET}
    return lambda: libsonare.mastering_process_stereo(
        "effects.reverb.fdn", left, right, rate, params
    )
