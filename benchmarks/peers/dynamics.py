"""Compressor and limiter with gradients to the audio and, for the compressor, the ratio."""

from collections.abc import Iterator

import torch
from contest import Contest
from torch import Tensor

from ai_mixer.effects.compressor import Compressor
from ai_mixer.effects.limiter import Limiter
from ai_mixer.evaluation.bench.timing import Job
from ai_mixer.evaluation.bench.workloads import Work, forward, forward_backward

THRESHOLD_DB, ATTACK_MS, RELEASE_MS, RATIO = -18.0, 10.0, 100.0, 4.0
CEILING_DB, LIMITER_RELEASE_MS = -0.3, 100.0


def contests(audio: Tensor, rate: int) -> Iterator[Contest]:
    """Compressor, then limiter on audio 6 dB too hot."""
    yield from _compressors(audio, rate)
    yield from _limiters(audio * (2.0 / audio.abs().amax()), rate)


def torchcomp_work(audio: Tensor, rate: int) -> Work:
    """Torchcomp's compressor on linked channels."""
    import torchcomp

    times = [torchcomp.ms2coef(torch.tensor(ms), rate) for ms in (ATTACK_MS, RELEASE_MS)]

    def compress(x: Tensor, ratio: Tensor) -> Tensor:
        peak = x.abs().amax(1).clamp_min(1e-6)
        gain = torchcomp.compexp_gain(peak, THRESHOLD_DB, ratio, -80.0, 0.999, *times)
        return x * gain[:, None]

    return Work("torchcomp", compress, (audio, torch.full((len(audio),), RATIO)))


def _compressors(audio: Tensor, rate: int) -> Iterator[Contest]:
    compressor = Compressor(THRESHOLD_DB, ATTACK_MS, RELEASE_MS)
    ratio = torch.full((len(audio),), RATIO)
    ours = Work("ours", lambda x, ratio: compressor(x, rate, ratio=ratio), (audio, ratio))
    yield Contest(
        "compressor, f+b",
        forward_backward(ours),
        {
            "torchcomp": lambda: forward_backward(torchcomp_work(audio, rate)),
            "dasp-pytorch": lambda: forward_backward(_dasp(audio, rate)),
        },
        bars={"torchcomp": 1.0},
    )
    yield Contest(
        "compressor, f",
        forward(ours),
        {
            "pedalboard": lambda: _pedalboard_compressor(audio, rate),
            "torchcomp": lambda: forward(torchcomp_work(audio, rate)),
            "libsonare": lambda: _libsonare_compressor(audio, rate),
        },
        bars={"pedalboard": 1.0},
    )


def _limiters(audio: Tensor, rate: int) -> Iterator[Contest]:
    limiter = Limiter(CEILING_DB)
    ours = Work("ours", lambda x: limiter(x, rate), (audio,))
    yield Contest(
        "limiter (ours: true peak), f+b",
        forward_backward(ours),
        {"torchcomp (sample peak)": lambda: forward_backward(_torchcomp_limiter(audio, rate))},
    )
    yield Contest(
        "limiter (ours: true peak), f",
        forward(ours),
        {
            "torchcomp (sample peak)": lambda: forward(_torchcomp_limiter(audio, rate)),
            "pedalboard (sample peak)": lambda: _pedalboard_limiter(audio, rate),
            "libsonare (true peak)": lambda: _libsonare_limiter(audio, rate),
        },
    )


def _dasp(audio: Tensor, rate: int) -> Work:
    from dasp_pytorch.functional import compressor

    values = [
        torch.full((len(audio),), value)
        for value in (THRESHOLD_DB, RATIO, ATTACK_MS, RELEASE_MS, 6.0, 0.0)
    ]
    return Work("dasp", lambda x, *knobs: compressor(x, rate, *knobs), (audio, *values))


def _torchcomp_limiter(audio: Tensor, rate: int) -> Work:
    import torchcomp

    times = [torchcomp.ms2coef(torch.tensor(ms), rate) for ms in (1.0, LIMITER_RELEASE_MS)]

    def limit(x: Tensor) -> Tensor:
        ceiling = torch.tensor(CEILING_DB)
        return x * torchcomp.limiter_gain(x.abs().amax(1), ceiling, *times)[:, None]

    return Work("torchcomp", limit, (audio,))


def _pedalboard_compressor(audio: Tensor, rate: int) -> Job:
    import pedalboard

    effect, x = pedalboard.Compressor(THRESHOLD_DB, RATIO, ATTACK_MS, RELEASE_MS), audio[0].numpy()
    return lambda: effect(x, rate)


def _pedalboard_limiter(audio: Tensor, rate: int) -> Job:
    import pedalboard

    effect, x = pedalboard.Limiter(CEILING_DB, LIMITER_RELEASE_MS), audio[0].numpy()
    return lambda: effect(x, rate)


def _libsonare_compressor(audio: Tensor, rate: int) -> Job:
    params = {"thresholdDb": THRESHOLD_DB, "ratio": RATIO, "kneeDb": 6.0}
    params |= {"attackMs": ATTACK_MS, "releaseMs": RELEASE_MS, "detector": "peak"}
    return _libsonare("dynamics.compressor", audio, rate, params)


def _libsonare_limiter(audio: Tensor, rate: int) -> Job:
    params = {"ceilingDb": CEILING_DB, "releaseMs": LIMITER_RELEASE_MS}
    return _libsonare("maximizer.truePeakLimiter", audio, rate, params)


def _libsonare(name: str, audio: Tensor, rate: int, params: dict) -> Job:
    import libsonare

    left, right = (row.numpy() for row in audio[0])
    return lambda: libsonare.mastering_process_stereo(name, left, right, rate, params)
