"""Safety limiter: keeps the true peak under a ceiling and changes nothing else.

True peaks as in ITU-R BS.1770-4, Annex 2, but with eight times oversampling and two interpolators,
so that the result can be converted and encoded. The gain is reached before a peak
(`dsp.lookahead`) in one pass, without clipping or a final normalisation.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.limiting import limit, limit_by_operations, needed_gain_db
from ai_mixer.dsp.lookahead import Ballistics
from ai_mixer.dsp.operators import can_branch
from ai_mixer.dsp.recursions import as_rows, run_on_rows
from ai_mixer.dsp.required_gain import max_overshoot, peak_filters
from ai_mixer.dsp.streaming_limiter import (
    GUARD_SAMPLES,
    REDUCTION_DB,
    LimiterSettings,
    init_limiter,
    limit_blocks,
    limit_songs,
    limiter_ballistics,
    limiter_size,
)
from ai_mixer.effects.effect import Effect

OVERSAMPLE = 8  # with four, peaks at high frequencies are 0.1 dB too low
DETECTION_MARGIN_DB = 0.01  # peaks this close under the ceiling are limited: meters differ by 0.006
CEILING_MARGIN_DB = 0.05  # limited peaks are this far under the ceiling: meters differ
BLOCK_SAMPLES = 1 << 15  # block size for long songs, which limits memory
STREAM_BLOCK_SAMPLES = 1 << 12  # of the compiled limiter: its buffers stay in the L2 cache


class Limiter(Effect):
    """y[n] = x[n] · 10^(g[n]/20), g ≤ 0 and the same for all channels; no knob, no latency.

    A song whose true peak is at least 0.01 dB under `ceiling_db` (dBTP) is unchanged bit for bit.
    The gain falls within `lookahead_ms` before a peak. It recovers with the time constant
    `release_ms` to the mean reduction over `memory_ms`, and with that mean to 0 dB.
    ValueError if a time is not above 0 or the ceiling is above 0 dBTP.
    """

    knob_names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        ceiling_db: float = -0.3,
        lookahead_ms: float = 5.0,
        release_ms: float = 30.0,
        memory_ms: float = 500.0,
    ) -> None:
        super().__init__()
        if not -math.inf < ceiling_db <= 0:  # also refuses NaN
            raise ValueError(f"ceiling_db must be 0 dBTP or less, got {ceiling_db}")
        times = {"lookahead_ms": lookahead_ms, "release_ms": release_ms, "memory_ms": memory_ms}
        for name, value in times.items():
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, got {value}")
        self.ceiling_db, self.lookahead_ms = ceiling_db, lookahead_ms
        self.release_ms, self.memory_ms = release_ms, memory_ms
        self.ceiling = 10 ** (ceiling_db / 20)
        self.threshold = 10 ** ((ceiling_db - DETECTION_MARGIN_DB) / 20)
        self.target = 10 ** ((ceiling_db - CEILING_MARGIN_DB) / 20)

    def forward(self, x: Tensor, sample_rate: int) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]. Returns [B, C, T] with a true peak of at most the ceiling."""
        if not can_branch(x):
            return self._limit_all(x, sample_rate)
        if _max_abs(x) * max_overshoot(OVERSAMPLE) <= self.threshold:
            return x
        if torch.is_grad_enabled() and x.requires_grad:
            return self._limit_all(x, sample_rate)
        return self.stream(sample_rate).process(x)

    def stream(self, sample_rate: int) -> "LimiterStream":
        """Create a stream of this limiter for audio in blocks."""
        return LimiterStream(self, sample_rate)

    def streaming_settings(self) -> LimiterSettings:
        """Settings for `dsp.streaming_limiter`, for any sample rate."""
        filters = peak_filters(OVERSAMPLE, np.dtype(np.float64))
        # Numbers of one type, since another type would be compiled once more.
        times = float(self.lookahead_ms), float(self.release_ms), float(self.memory_ms)
        return LimiterSettings(float(self.threshold), float(self.target), *times, *filters)

    def latency_samples(self, sample_rate: int) -> int:
        """Delay of a stream in samples."""
        return GUARD_SAMPLES + self.ballistics(sample_rate).latency

    def ballistics(self, sample_rate: int) -> Ballistics:
        """Convert the times to samples and poles."""
        times = self.lookahead_ms, self.release_ms, self.memory_ms
        # The function itself: torch.export and torch.compile cannot call a compiled one.
        function = getattr(limiter_ballistics, "py_func", limiter_ballistics)
        return Ballistics(*function(*times, float(sample_rate)))

    def _limit_all(self, x: Tensor, sample_rate: int) -> Tensor:
        """Limit x at once, with the gradient of the gain."""
        settings, ballistics = (
            (self.threshold, self.target, OVERSAMPLE),
            self.ballistics(sample_rate),
        )
        if not can_branch(x):
            return limit_by_operations(x, needed_gain_db(x, *settings), ballistics)
        needed_db = needed_gain_db(x.detach(), *settings)
        is_limited = needed_db.numel() and bool(needed_db.amin() < 0)  # faster than `any`
        return limit(x, needed_db, *settings, ballistics) if is_limited else x


class LimiterStream:
    """Limiter for audio in blocks, with a delay of `latency_samples`. No gradient.

    The result does not depend on the block sizes, except for rounding.
    """

    def __init__(self, limiter: Limiter, sample_rate: int) -> None:
        self.latency_samples = limiter.latency_samples(sample_rate)
        self._layout = limiter.streaming_settings(), float(sample_rate), STREAM_BLOCK_SAMPLES
        self._memory = np.empty((0, 0))  # [B, M]

    @property
    def reduction_db(self) -> float:
        """Largest gain reduction so far in dB, at least 0."""
        return float(self._memory[:, REDUCTION_DB].max()) if self._memory.size else 0.0

    @torch.no_grad()
    def push(self, x: Tensor) -> Tensor:
        """Process the next block, [B, C, n]; returns limited audio, delayed, [B, C, n]."""
        return self._run(limit_blocks, x)

    @torch.no_grad()
    def process_blocks(self, blocks: Iterable[Tensor], drive: float = 1.0) -> Iterator[Tensor]:
        """Limit a whole song, drive · x, without delay. blocks: [B, C, n]. Yields [B, C, n]."""
        latency, block = self.latency_samples, None
        for block in blocks:
            for part in torch.split(block, BLOCK_SAMPLES, dim=-1):
                limited = self.push(part if drive == 1 else drive * part)
                skipped, latency = latency, max(0, latency - limited.shape[-1])
                yield limited[..., skipped:]
        if block is not None:  # silence flushes the look-ahead
            silence = block.new_zeros(*block.shape[:2], self.latency_samples)
            yield self.push(silence)[..., latency:]

    @torch.no_grad()
    def process(self, x: Tensor, drive: float = 1.0) -> Tensor:
        """Limit a whole song, drive · x, without delay. x: [B, C, T] → [B, C, T]."""
        return self._run(limit_songs, x if drive == 1 else drive * x)

    def _run(self, kernel: Callable[..., None], x: Tensor) -> Tensor:
        audio = as_rows(x).reshape(x.shape)
        if not self._memory.size:
            channels = x.shape[1]
            self._memory = np.zeros((len(x), limiter_size(*self._layout, channels)))
            for memory in self._memory:
                init_limiter(memory, *self._layout, channels, audio)
        out = np.empty_like(audio)
        run_on_rows(kernel, audio, out, self._memory)
        return torch.from_numpy(out).to(x)


def _max_abs(x: Tensor) -> Tensor:
    if not x.numel():
        return x.new_zeros(())
    low, high = x.detach().aminmax()
    return torch.maximum(-low, high)
