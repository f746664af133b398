"""Profile of a sound for its reverb and echoes: that of the detectors, and the cepstrum.

A reverb makes levels change more slowly and fills the gaps between sounds, which `fault_profile`
has. An echo at lag τ is a peak of the cepstrum at τ, whatever the music (Bogert, Healy & Tukey,
"The Quefrency Alanysis of Time Series for Echoes", 1963).
"""

from itertools import pairwise

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import mid_side
from ai_mixer.faults.fault_profile import RATE_HZ, fault_profile

WINDOW = 1 << 17  # samples, 3 s: several echoes
TAIL_MS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)  # edges of lags of a reverb
AROUND_MS = (1.0, 40.0)  # lags beside an echo, with which it is compared
MAX_ECHO = 50.0  # standard deviations of the lags around


def ambience_profile(x: Tensor, echo_ms: float) -> Tensor:
    """Compute the profile of excerpts [B, C, T] at RATE_HZ: [B, F], in dB but for the last two.

    The last two: peak of the cepstrum at the lag of the echo and at twice this lag, over the
    standard deviation around, compressed by its square root.
    """
    lags = _cepstrum(mid_side(x)[:, 0])
    edges = [round(1e-3 * ms * RATE_HZ) for ms in TAIL_MS]
    tail = torch.stack([lags[:, low:high].square().mean(1) for low, high in pairwise(edges)], 1)
    echo = torch.stack([_peak(lags, round(1e-3 * n * echo_ms * RATE_HZ)) for n in (1, 2)], 1)
    parts = [fault_profile(x, RATE_HZ), 10.0 * tail.clamp_min(1e-12).log10()]
    return torch.cat([*parts, echo.sign() * echo.abs().clamp_max(MAX_ECHO).sqrt()], 1)


def _cepstrum(x: Tensor) -> Tensor:
    """Real cepstrum of the mean log spectrum of windows: [B, T] → [B, WINDOW]."""
    x = torch.nn.functional.pad(x, (0, max(0, WINDOW - x.shape[-1])))
    windows = x.unfold(-1, WINDOW, WINDOW // 2) * torch.hann_window(WINDOW)
    power = torch.fft.rfft(windows).abs().square()
    floor = 1e-6 * power.mean((1, 2), keepdim=True) + 1e-20
    log_power = (power + floor).log().mean(1)
    cepstrum: Tensor = torch.fft.irfft(log_power - log_power.mean(-1, keepdim=True))
    return cepstrum


def _peak(lags: Tensor, lag: int) -> Tensor:
    """Value at a lag over the standard deviation of the lags around it: [B]."""
    near, far = (round(1e-3 * ms * RATE_HZ) for ms in AROUND_MS)
    around = torch.cat([lags[:, lag - far : lag - near], lags[:, lag + near : lag + far]], 1)
    return (lags[:, lag] - around.mean(1)) / around.std(1).clamp_min(1e-9)
