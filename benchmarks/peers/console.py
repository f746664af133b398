"""The ten-knob console with limiter, against one peer's compressor and another's whole chain."""

from collections.abc import Iterator

import numpy as np
from comparison import PeerComparison
from dynamics import RATIO, torchcomp_work
from torch import Tensor

from ai_mixer.console import load_console
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.evaluation.bench.workloads import console_workload, forward, forward_backward


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """The whole console, forward and with gradients."""
    ours = console_workload(load_console("classic", "wide"), audio, rate)
    yield PeerComparison(
        "console of ten knobs, f+b",
        forward_backward(ours),
        {"torchcomp compressor alone": lambda: forward_backward(torchcomp_work(audio, rate))},
        min_speedups={"torchcomp compressor alone": 1 / 15},
    )
    yield PeerComparison(
        "console of ten knobs, f",
        forward(ours),
        {"pedalboard": lambda: _pedalboard(audio, rate)},
        min_speedups={"pedalboard": 2.0},
    )


def _pedalboard(audio: Tensor, rate: int) -> TimedFunction:
    """The same ten effects in the same order; the width is computed in NumPy, as it has none."""
    import pedalboard as p

    before = p.Pedalboard(
        [
            p.Gain(3.0),
            p.Compressor(-18, RATIO, 10, 100),
            p.LowShelfFilter(120, 3.0),
            p.PeakFilter(1000, 3.0, 0.7),
            p.HighShelfFilter(8000, 3.0),
            p.PeakFilter(5000, 3.0, 1.0),
            p.Delay(0.35, 0.35, 0.3),
            p.Reverb(wet_level=0.3),
        ]
    )
    after = p.Pedalboard([p.Gain(2.0), p.Limiter(-0.3, 100)])
    x = audio[0].numpy()

    def job() -> None:
        left, right = before(x, rate)
        mid, side = (left + right) / 2, 1.3 * (left - right) / 2
        after(np.stack([mid + side, mid - side]), rate)

    return job
