"""What a processor adds to a pure tone: total harmonic distortion and noise.

After AES17: a tone of 997 Hz is taken out, what is left between 20 Hz and 20 kHz is compared with
all there is. It is taken out by least squares, which needs no notch to settle.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import AUDIBLE_HZ

TONE_HZ = 997.0  # no whole part of any sample rate: every sample is another one
LEVEL_DB = -40.0  # peak: under a threshold of −18 dBFS with the gain knobs wide open
SETTLING_S = 4.0  # after this the echoes and the room have told all they have
MEASURED_S = 1.0

ConsoleFunction = Callable[[Tensor, int, Tensor], Tensor]
"""(audio [B, C, T], sample rate, knobs [B, P]) → [B, C, T]"""


@torch.no_grad()
def console_thd_n_percent(
    console: ConsoleFunction, knobs: Tensor, sample_rate: int, tone_hz: float = TONE_HZ
) -> Tensor:
    """THD+N of a console at settings [B, P], the compressor idle: [B], percent.

    A stereo sine at −40 dBFS plays for five seconds, the last of which is measured.
    """
    time = torch.arange(round((SETTLING_S + MEASURED_S) * sample_rate), dtype=torch.float64)
    tone = 10.0 ** (LEVEL_DB / 20.0) * torch.sin(2.0 * math.pi * tone_hz / sample_rate * time)
    audio = tone.to(knobs.dtype).expand(len(knobs), 2, -1)
    mix = console(audio, sample_rate, knobs)
    return 100.0 * thd_n(mix[..., -round(MEASURED_S * sample_rate) :], sample_rate, tone_hz)


@torch.no_grad()
def thd_n(x: Tensor, sample_rate: int, tone_hz: float) -> Tensor:
    """What is not the tone over all there is: [B, C, T] → [B], a ratio 0–1; silence reads 0.

    The RMS over channels, 20 Hz–20 kHz. x should hold whole seconds of the settled tone.
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
    """The spectrum between 20 Hz and 20 kHz as magnitudes: [B, C, bins]."""
    low, high = (round(f * x.shape[-1] / sample_rate) for f in AUDIBLE_HZ)
    return torch.fft.rfft(x)[..., low : high + 1].abs()
