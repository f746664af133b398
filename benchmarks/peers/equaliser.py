"""Six bands: a low shelf, four bells, a high shelf, with gradients to the audio and the gains."""

from collections.abc import Iterator

import torch
from comparison import PeerComparison
from torch import Tensor

from ai_mixer.dsp.filters import Biquad, high_shelf, low_shelf, peak
from ai_mixer.dsp.recursions import biquad
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.evaluation.bench.workloads import Workload, forward, forward_backward

BELLS_HZ = (250.0, 800.0, 2500.0, 6000.0)
LOW_HZ, HIGH_HZ = 100.0, 10_000.0


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """Six bands, forward and with gradients."""
    gains = torch.full((6, len(audio)), 3.0)
    ours = Workload("ours", lambda x, gains: _apply(x, gains, rate, biquad), (audio, gains))
    yield PeerComparison(
        "EQ of six bands, f+b",
        forward_backward(ours),
        {
            "philtorch": lambda: _philtorch(audio, gains, rate, "tdf2", forward_backward),
            "philtorch df2": lambda: _philtorch(audio, gains, rate, "df2", forward_backward),
            "dasp-pytorch": lambda: _dasp(audio, rate, forward_backward),
        },
        min_speedups={"philtorch": 2.0, "philtorch df2": 2.0},
    )
    yield PeerComparison(
        "EQ of six bands, f",
        forward(ours),
        {
            "philtorch": lambda: _philtorch(audio, gains, rate, "tdf2", forward),
            "dasp-pytorch": lambda: _dasp(audio, rate, forward),
            "scipy sosfilt": lambda: _scipy(audio, gains, rate),
            "pedalboard": lambda: _pedalboard(audio, rate),
            "libsonare": lambda: _libsonare(audio, rate),
        },
    )


def sections(gains: Tensor, rate: int) -> list[Biquad]:
    """The six filters. gains: [6, B], dB."""
    bells = [peak(gain, hz, 0.7, rate) for gain, hz in zip(gains[1:5], BELLS_HZ, strict=True)]
    return [
        low_shelf(gains[0], LOW_HZ, 1.0, rate),
        *bells,
        high_shelf(gains[5], HIGH_HZ, 1.0, rate),
    ]


def _apply(x: Tensor, gains: Tensor, rate: int, run) -> Tensor:
    for b, a in sections(gains, rate):
        x = run(x, b, a)
    return x


def _philtorch(audio, gains, rate, form, kind) -> TimedFunction:
    from philtorch.lti import lfilter

    def run(x, b, a):
        rows = [c.to(x.dtype).repeat_interleave(x.shape[1], 0) for c in (b, a[:, 1:])]
        return lfilter(*rows, x.flatten(0, 1), form=form).view_as(x)

    return kind(Workload("", lambda x, gains: _apply(x, gains, rate, run), (audio, gains)))


def _dasp(audio, rate, kind) -> TimedFunction:
    from dasp_pytorch.functional import parametric_eq

    values = []
    for hz in (LOW_HZ, *BELLS_HZ, HIGH_HZ):
        values += [torch.full((len(audio),), value) for value in (3.0, hz, 0.7)]
    return kind(Workload("", lambda x, *knobs: parametric_eq(x, rate, *knobs), (audio, *values)))


def _scipy(audio, gains, rate) -> TimedFunction:
    import numpy as np
    from scipy.signal import sosfilt

    sos = np.stack([np.concatenate([b[0], a[0]]) for b, a in sections(gains.double(), rate)])
    x = audio.numpy()
    return lambda: sosfilt(sos, x)


def _pedalboard(audio, rate) -> TimedFunction:
    from pedalboard import HighShelfFilter, LowShelfFilter, PeakFilter, Pedalboard

    bells = [PeakFilter(hz, gain_db=3, q=0.7) for hz in BELLS_HZ]
    board = Pedalboard(
        [LowShelfFilter(LOW_HZ, gain_db=3), *bells, HighShelfFilter(HIGH_HZ, gain_db=3)]
    )
    x = audio[0].numpy()
    return lambda: board(x, rate)


def _libsonare(audio, rate) -> TimedFunction:
    import libsonare

    left, right = (row.numpy() for row in audio[0])
    params = {}
    for band, hz in enumerate((LOW_HZ, *BELLS_HZ, HIGH_HZ)):
        params |= {f"band{band}.enabled": True, f"band{band}.frequencyHz": hz}
        params |= {f"band{band}.gainDb": 3.0, f"band{band}.q": 0.7}
    return lambda: libsonare.mastering_process_stereo("eq.parametric", left, right, rate, params)
