"""Compressor and limiter with gradients to the audio and, for the compressor, the ratio."""

from collections.abc import Iterator

import torch
from comparison import PeerComparison
from torch import Tensor

from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.limiter import Limiter
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.evaluation.bench.workloads import Workload, forward, forward_backward

THRESHOLD_DB, ATTACK_MS, RELEASE_MS, RATIO = -18.0, 10.0, 100.0, 4.0
CEILING_DB, LIMITER_RELEASE_MS = -0.3, 100.0


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """Compressor, and limiter on audio 6 dB above full scale."""
    yield from _compressors(audio, rate)
    yield from _limiters(audio * (2.0 / audio.abs().amax()), rate)


def torchcomp_work(audio: Tensor, rate: int) -> Workload:
    """Torchcomp's compressor on linked channels."""
    import torchcomp

    times = [torchcomp.ms2coef(torch.tensor(ms), rate) for ms in (ATTACK_MS, RELEASE_MS)]

    def compress(x: Tensor, ratio: Tensor) -> Tensor:
        peak = x.abs().amax(1).clamp_min(1e-6)
        gain = torchcomp.compexp_gain(peak, THRESHOLD_DB, ratio, -80.0, 0.999, *times)
        return x * gain[:, None]

    return Workload("torchcomp", compress, (audio, torch.full((len(audio),), RATIO)))


def _compressors(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    compressor = Compressor(THRESHOLD_DB, ATTACK_MS, RELEASE_MS)
    ratio = torch.full((len(audio),), RATIO)
    ours = Workload("ours", lambda x, ratio: compressor(x, rate, ratio=ratio), (audio, ratio))
    yield PeerComparison(
        "compressor, f+b",
        forward_backward(ours),
        {
            "torchcomp": lambda: forward_backward(torchcomp_work(audio, rate)),
            "dasp-pytorch": lambda: forward_backward(_dasp(audio, rate)),
        },
        min_speedups={"torchcomp": 1.0},
    )
    yield PeerComparison(
        "compressor, f",
        forward(ours),
        {
            "pedalboard": lambda: _pedalboard_compressor(audio, rate),
            "torchcomp": lambda: forward(torchcomp_work(audio, rate)),
            "libsonare": lambda: _libsonare_compressor(audio, rate),
        },
        min_speedups={"pedalboard": 1.0},
    )


def _limiters(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    limiter = Limiter(CEILING_DB)
    ours = Workload("ours", lambda x: limiter(x, rate), (audio,))
    yield PeerComparison(
        "limiter (ours: true peak), f+b",
        forward_backward(ours),
        {"torchcomp (sample peak)": lambda: forward_backward(_torchcomp_limiter(audio, rate))},
    )
    yield PeerComparison(
        "limiter (ours: true peak), f",
        forward(ours),
        {
            "torchcomp (sample peak)": lambda: forward(_torchcomp_limiter(audio, rate)),
            "pedalboard (sample peak)": lambda: _pedalboard_limiter(audio, rate),
            "libsonare (true peak)": lambda: _libsonare_limiter(audio, rate),
        },
    )


def _dasp(audio: Tensor, rate: int) -> Workload:
    from dasp_pytorch.functional import compressor

    values = [
        torch.full((len(audio),), value)
        for value in (THRESHOLD_DB, RATIO, ATTACK_MS, RELEASE_MS, 6.0, 0.0)
    ]
    return Workload("dasp", lambda x, *knobs: compressor(x, rate, *knobs), (audio, *values))


def _torchcomp_limiter(audio: Tensor, rate: int) -> Workload:
    import torchcomp

    times = [torchcomp.ms2coef(torch.tensor(ms), rate) for ms in (1.0, LIMITER_RELEASE_MS)]

    def limit(x: Tensor) -> Tensor:
        ceiling = torch.tensor(CEILING_DB)
        return x * torchcomp.limiter_gain(x.abs().amax(1), ceiling, *times)[:, None]

    return Workload("torchcomp", limit, (audio,))


def _pedalboard_compressor(audio: Tensor, rate: int) -> TimedFunction:
    import pedalboard

    effect, x = pedalboard.Compressor(THRESHOLD_DB, RATIO, ATTACK_MS, RELEASE_MS), audio[0].numpy()
    return lambda: effect(x, rate)


def _pedalboard_limiter(audio: Tensor, rate: int) -> TimedFunction:
    import pedalboard

    effect, x = pedalboard.Limiter(CEILING_DB, LIMITER_RELEASE_MS), audio[0].numpy()
    return lambda: effect(x, rate)


def _libsonare_compressor(audio: Tensor, rate: int) -> TimedFunction:
    params = {"thresholdDb": THRESHOLD_DB, "ratio": RATIO, "kneeDb": 6.0}
    params |= {"attackMs": ATTACK_MS, "releaseMs": RELEASE_MS, "detector": "peak"}
    return _libsonare("dynamics.compressor", audio, rate, params)


def _libsonare_limiter(audio: Tensor, rate: int) -> TimedFunction:
    params = {"ceilingDb": CEILING_DB, "releaseMs": LIMITER_RELEASE_MS}
    return _libsonare("maximizer.truePeakLimiter", audio, rate, params)


def _libsonare(name: str, audio: Tensor, rate: int, params: dict) -> TimedFunction:
    import libsonare

    left, right = (row.numpy() for row in audio[0])
    return lambda: libsonare.mastering_process_stereo(name, left, right, rate, params)
