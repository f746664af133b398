"""Total harmonic distortion and noise (THD+N) of a processor.

After AES17: the residual of a 997 Hz tone between 20 Hz and 20 kHz, relative to the whole signal.
The tone is removed by least squares, which has no settling time, unlike a notch filter.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import AUDIBLE_HZ

TONE_HZ = 997.0  # prime: divides no sample rate, so samples do not repeat
LEVEL_DB = -40.0  # peak; below a threshold of −18 dBFS even at maximal gain knobs
SETTLING_S = 4.0  # delay and reverb have reached a steady state
MEASURED_S = 1.0

ConsoleFunction = Callable[[Tensor, int, Tensor], Tensor]
"""(audio [B, C, T], sample rate, knobs [B, P]) → [B, C, T]"""


@torch.no_grad()
def console_thd_n_percent(
    console: ConsoleFunction, knobs: Tensor, sample_rate: int, tone_hz: float = TONE_HZ
) -> Tensor:
    """Measure the THD+N of a console at knobs [B, P], compressor idle: [B], percent.

    Input: a stereo sine at −40 dBFS of five seconds, of which the last one is measured.
    """
    time = torch.arange(round((SETTLING_S + MEASURED_S) * sample_rate), dtype=torch.float64)
    tone = 10.0 ** (LEVEL_DB / 20.0) * torch.sin(2.0 * math.pi * tone_hz / sample_rate * time)
    audio = tone.to(knobs.dtype).expand(len(knobs), 2, -1)
    mix = console(audio, sample_rate, knobs)
    return 100.0 * thd_n(mix[..., -round(MEASURED_S * sample_rate) :], sample_rate, tone_hz)


@torch.no_grad()
def thd_n(x: Tensor, sample_rate: int, tone_hz: float) -> Tensor:
    """Compute the ratio of residual to whole signal: [B, C, T] → [B], 0–1; 0 for silence.

    RMS over channels, 20 Hz–20 kHz. x: whole seconds of the tone in steady state.
    """
    angle = 2.0 * math.pi * tone_hz / sample_rate * torch.arange(x.shape[-1], dtype=torch.float64)
    tone = torch.stack([angle.sin(), angle.cos()], -1).to(x.device)  # [T, 2]
    samples = x.double().mT  # [B, T, C]
    fitted = tone @ torch.linalg.lstsq(tone.expand(len(x), -1, -1), samples).solution
    rest, whole = (
        _audible(y.mT, sample_rate).square().sum((-2, -1)) for y in (samples - fitted, samples)
    )
    return torch.where(whole > 0, (rest / whole.clamp_min(1e-300)).sqrt(), 0.0)


def _audible(x: Tensor, sample_rate: int) -> Tensor:
    """Magnitude spectrum between 20 Hz and 20 kHz: [B, C, bins]."""
    low, high = (round(f * x.shape[-1] / sample_rate) for f in AUDIBLE_HZ)
    return torch.fft.rfft(x)[..., low : high + 1].abs()
