"""Search for the gain in front of a limiter that gives a target loudness, without rendering.

The loudness behind the limiter is estimated from the peak and the energy of every millisecond of a
song; the error is a few hundredths of a LU.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.units import SILENCE_DB, db_to_ratio
from ai_mixer.dsp.k_weighting import HopEnergies
from ai_mixer.dsp.lookahead import Ballistics, lookahead_gain_db
from ai_mixer.dsp.loudness import BLOCK_S, HOP_S, gated_lufs
from ai_mixer.dsp.true_peak import SOFT, EnvelopeStream
from ai_mixer.effects.limiter import Limiter
from ai_mixer.utils.growing_array import GrowingArray

TOLERANCE_LU = 0.02  # within it a target counts as met
FRAME_S = 0.001
MAX_ITERATIONS, SEARCH_TOLERANCE_LU = 30, 0.003
MAX_FRAMES = 2_000_000  # half an hour


class GainSearch:
    """Estimator of gains for one song: `push` all blocks, then `finish`, then `find_gain_db`."""

    def __init__(self, sample_rate: int, limiter: Limiter) -> None:
        self._frame = round(FRAME_S * sample_rate)
        self._rate, self._limiter = sample_rate, limiter
        self._energies = HopEnergies(sample_rate, self._frame)
        self._envelope = EnvelopeStream(interpolator=SOFT)
        self._powers, self._peaks = GrowingArray(), GrowingArray()
        self._rest = torch.empty(0)  # envelope of an incomplete frame
        self._length = 0

    def push(self, block: Tensor) -> None:
        """Append the next block, [1, C, n]."""
        self._length += block.shape[-1]
        self._powers.push(self._energies.push(block)[0].float() / self._frame)
        self._append_peaks(self._envelope.push(block))

    def finish(self, loudness: float, lift_db: float = 0.0) -> None:
        """End the song. loudness: integrated, in LUFS, of the song at the gain `lift_db`.

        Gains are found for the song at that gain.
        """
        self._append_peaks(self._envelope.finish())
        self._append_peaks(torch.zeros(1, 1, -len(self._rest) % self._frame))
        peaks, powers = self._peaks.read(), self._powers.read()
        self._peaks, self._powers = GrowingArray(), GrowingArray()
        if not len(powers):  # shorter than a frame
            powers = self._energies.remaining_energy() / self._length
        frame_ms = 1000 * self._frame / self._rate
        while len(peaks) > MAX_FRAMES:  # songs of hours: longer frames
            peaks = pad(peaks, (0, len(peaks) % 2)).view(-1, 2).amax(-1)
            powers = powers[: len(powers) - len(powers) % 2].view(-1, 2).mean(-1)
            frame_ms *= 2
        lift = 10 ** (lift_db / 20)
        self.peaks = peaks.double() * (lift / self._limiter.ceiling)
        self.powers = powers.double() * lift**2
        highest = max(float(self.peaks.max()), 10 ** (SILENCE_DB / 20))
        self.peak_over_ceiling_db = 20 * math.log10(highest)
        self.block_frames = round(1000 * BLOCK_S / frame_ms)
        self.hop_frames = round(1000 * HOP_S / frame_ms)
        times_ms = (self._limiter.release_ms, self._limiter.memory_ms)
        poles = [math.exp(-frame_ms / ms) for ms in times_ms]
        ramp = max(2, round(self._limiter.lookahead_ms / frame_ms))
        self.ballistics = Ballistics(ramp, 1, *poles)
        self.loudness, self.offset = loudness, 0.0
        self.offset = loudness - self._lufs(torch.ones_like(self.powers))

    def _append_peaks(self, envelope: Tensor) -> None:
        """Append the peaks of complete frames."""
        samples = torch.cat([self._rest, envelope[0].amax(0).float()])
        full = len(samples) - len(samples) % self._frame
        self._peaks.push(samples[:full].view(-1, self._frame).amax(-1))
        self._rest = samples[full:]

    def find_gain_db(self, target_lufs: float, max_gain_db: float) -> float:
        """Find the gain at which the limited song reaches the target, at most `max_gain_db`."""
        if abs(self.estimate_lufs(0.0) - target_lufs) <= TOLERANCE_LU:
            return min(0.0, max_gain_db)
        min_gain_db = target_lufs - self.loudness  # sufficient if the limiter were inactive
        if min_gain_db >= max_gain_db or self.estimate_lufs(max_gain_db) <= target_lufs:
            return max_gain_db
        if self.estimate_lufs(min_gain_db) >= target_lufs:
            return min_gain_db
        return _find_root(
            lambda gain_db: self.estimate_lufs(gain_db) - target_lufs, min_gain_db, max_gain_db
        )

    def estimate_lufs(self, gain_db: float) -> float:
        """Estimate the loudness behind the limiter at a gain."""
        reduction_db = self._reduction_db(gain_db)
        return self._lufs(10 ** (gain_db / 20) * db_to_ratio(reduction_db[: len(self.powers)]))

    def reduction_curve_db(self, gain_db: float, points: int) -> tuple[float, ...]:
        """Largest reduction, at least 0 dB, in up to `points` equal parts of the song."""
        reduction_db = -self._reduction_db(gain_db)[: len(self.peaks)]
        size = max(1, -(-len(reduction_db) // points))
        parts = pad(reduction_db, (0, -len(reduction_db) % size)).view(-1, size)
        return tuple(round(value, 2) for value in parts.amax(1).abs().tolist())

    def _reduction_db(self, gain_db: float) -> Tensor:
        """Gain of the limiter by frame, at most 0 dB."""
        needed_db = -20 * torch.log10((10 ** (gain_db / 20) * self.peaks).clamp_min(1.0))
        return lookahead_gain_db(needed_db[None], self.ballistics)[0]

    def _lufs(self, gains: Tensor) -> float:
        powers = self.powers * gains.square()
        if len(powers) > self.block_frames:
            powers = powers.unfold(0, self.block_frames, self.hop_frames)
        return float(gated_lufs(powers.mean(-1, keepdim=powers.dim() == 1)[None])) + self.offset


def _find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Find the root of a rising function that is negative at `low` and positive at `high`.

    Regula falsi in which the function value at the retained end is halved (Dowell & Jarratt, "A
    modified regula falsi method", BIT 11, 1971). Stops at |f| ≤ SEARCH_TOLERANCE_LU.
    """
    below, above = function(low), function(high)
    middle = low
    for _ in range(MAX_ITERATIONS):
        middle = (low * above - high * below) / (above - below)
        value = function(middle)
        if abs(value) <= SEARCH_TOLERANCE_LU:
            break
        if value < 0:
            low, below, above = middle, value, above / 2
        else:
            high, above, below = middle, value, below / 2
    return middle
