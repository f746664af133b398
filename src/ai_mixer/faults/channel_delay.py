"""Delay between the two channels of a song, by their whitened correlation.

GCC-PHAT: Knapp & Carter, "The Generalized Correlation Method for Estimation of Time Delay", 1976.
A sound that is panned by level is in both channels at one time, so the peak is at 0.
"""

import torch
from torch import Tensor

FRAME_SAMPLES = 1 << 14
MAX_DELAY_S = 0.1
MIN_PEAK = 0.2  # of the correlation, 1 for a pure delay
MIN_DELAY_S = 1e-4


class ChannelDelayMeter:
    """Delay of the right channel of a stereo song in blocks [2, n]."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._rest: Tensor | None = None
        self._cross: Tensor | None = None

    def push(self, block: Tensor) -> None:
        """Add the next block, [2, n]."""
        block = block if self._rest is None else torch.cat([self._rest, block], -1)
        full = block.shape[-1] - block.shape[-1] % FRAME_SAMPLES
        self._rest = block[:, full:]
        if full:
            self._add(block[:, :full].reshape(2, -1, FRAME_SAMPLES))

    def delay_samples(self) -> int:
        """Delay of the right channel; negative if the left is later; 0 if there is no clear one."""
        if self._cross is None and self._rest is not None:
            self._add(self._rest[:, None])
        if self._cross is None:
            return 0
        cross = self._cross
        correlation = torch.fft.irfft(cross / (cross.abs() + 1e-12 * cross.abs().max() + 1e-30))
        limit = min(round(MAX_DELAY_S * self._rate), FRAME_SAMPLES // 2)
        near = torch.cat([correlation[-limit:], correlation[: limit + 1]])
        delay = int(near.argmax()) - limit
        return delay if near.max() >= MIN_PEAK and abs(delay) >= MIN_DELAY_S * self._rate else 0

    def _add(self, frames: Tensor) -> None:
        """Add the cross-spectra of frames, [2, frames, n]."""
        window = torch.hann_window(frames.shape[-1])
        left, right = torch.fft.rfft(frames * window, FRAME_SAMPLES)
        cross = (right * left.conj()).sum(0).to(torch.complex128)
        self._cross = cross if self._cross is None else self._cross + cross
