"""Safety limiter: holds the true peak under a ceiling and leaves everything else alone.

Look-ahead design after Hämäläinen, "Smoothing of the Control Signal without Clipped Output in
Digital Peak Limiters", DAFx-02: hold the needed reduction for as long as the smoother's window, and
the smoothed gain is in place when the peak arrives. Peaks are those between the samples (ITU-R
BS.1770-4, Annex 2), so that the result may be converted and encoded.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.recursions import smooth_attack_release
from ai_mixer.dsp.true_peak import HALF, overshoot, true_peak, true_peak_envelope
from ai_mixer.effects.effect import Effect
from ai_mixer.units import db_to_ratio

TOLERANCE_DB = 0.02  # what may remain above the ceiling
PASSES = 3  # the gain moves between samples too: what is left over after one pass is small


class Limiter(Effect):
    """y[n] = x[n] · 10^(g[n]/20), g ≤ 0 and the same for all channels; no knob, no latency.

    A song whose true peak is under `ceiling_db` (dBTP) comes out bit for bit. The gain falls within
    `lookahead_ms` before a peak and recovers with the time constant `release_ms`.
    ValueError if `lookahead_ms` or `release_ms` is not above 0, or the ceiling above 0 dBTP.
    """

    knob_names: ClassVar[tuple[str, ...]] = ()
    invertible: ClassVar[bool] = False

    def __init__(
        self, ceiling_db: float = -0.3, lookahead_ms: float = 5.0, release_ms: float = 100.0
    ) -> None:
        super().__init__()
        if ceiling_db > 0:
            raise ValueError(f"ceiling_db must be 0 dBTP or less, got {ceiling_db}")
        for name, value in {"lookahead_ms": lookahead_ms, "release_ms": release_ms}.items():
            if value <= 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        self.lookahead_ms, self.release_ms = lookahead_ms, release_ms
        self.ceiling = 10 ** (ceiling_db / 20)
        self.limit = 10 ** ((ceiling_db + TOLERANCE_DB) / 20)

    def forward(self, x: Tensor, sample_rate: int) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]. Returns [B, C, T] with a true peak of at most the ceiling."""
        for _ in range(PASSES):
            loud, envelope = self._loud(x)
            if not len(loud):
                return x
            x = x.index_copy(0, loud, x[loud] * self._gain(envelope, sample_rate)[:, None])
        return self._trim(x)

    def _loud(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Indices of the songs above the ceiling, and their true peaks [b, T].

        Only songs that can be above it are oversampled.
        """
        maybe = (x.detach().abs().amax(dim=(1, 2)) * overshoot() > self.limit).nonzero().squeeze(1)
        if not len(maybe):
            return maybe, x[maybe, 0]
        envelope = true_peak_envelope(x[maybe]).amax(dim=1)
        over = envelope.detach().amax(dim=1) > self.limit
        return maybe[over], envelope[over]

    def _gain(self, envelope: Tensor, sample_rate: int) -> Tensor:
        """envelope: [B, T] true peaks. Returns the gain [B, T], a ratio."""
        needed_db = -20 * torch.log10((envelope.double() / self.ceiling).clamp_min(1))
        ramp = max(2, round(self.lookahead_ms * sample_rate / 1000))
        # What a peak needs, every sample that the interpolator takes it from needs, and the ramp
        # before: `ramp` samples more than the song has, which the means use up again.
        held_db = _sliding_minimum(pad(needed_db, (ramp + HALF, ramp + HALF)), ramp + 2 * HALF + 1)
        instant = held_db.new_zeros(len(held_db))
        release = instant + math.exp(-1000 / (self.release_ms * sample_rate))
        recovering_db = smooth_attack_release(held_db, instant, release)
        half = ramp // 2  # two boxes make a triangle: a gain without corners
        smooth_db = _sliding_mean(_sliding_mean(recovering_db, half + 1), ramp - half + 1)
        return db_to_ratio(smooth_db).to(envelope.dtype)

    def _trim(self, x: Tensor) -> Tensor:
        """One gain per song for what the passes left over."""
        peak = true_peak(x)
        trimmed = x * (self.ceiling / peak.clamp_min(self.ceiling))[:, None, None]
        return torch.where((peak > self.limit)[:, None, None], trimmed, x)


def _sliding_minimum(x: Tensor, width: int) -> Tensor:
    """Minimum of x[n … n + width − 1], [B, T − width + 1]. Doubles the window until it is there."""
    reached = 1
    while reached < width:
        step = min(reached, width - reached)
        x = torch.minimum(x[:, :-step], x[:, step:])
        reached += step
    return x


def _sliding_mean(x: Tensor, width: int) -> Tensor:
    """Mean of x[n … n + width − 1], [B, T − width + 1]."""
    total = pad(x.cumsum(dim=-1), (1, 0))
    return (total[:, width:] - total[:, :-width]) / width
