"""Safety limiter: holds the true peak under a ceiling and leaves everything else alone.

Peaks are those between the samples (ITU-R BS.1770-4, Annex 2, but eight times oversampled and with
two interpolators), so that the result may be converted and encoded. The gain is in place when a
peak arrives (`dsp.lookahead`): one pass, and nothing is clipped, turned down afterwards or trimmed.
"""

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.lookahead import (
    Ballistics,
    LookaheadState,
    advance,
    initial_state,
    lookahead_gain_db,
)
from ai_mixer.dsp.required_gain import CONTEXT_SAMPLES, max_overshoot, required_gain_db
from ai_mixer.effects.effect import Effect

OVERSAMPLE = 8  # four misses 0.1 dB of a peak in the treble
DETECTION_MARGIN_DB = (
    0.01  # a peak so near the ceiling counts as over it: other meters read 0.006 dB more
)
CEILING_MARGIN_DB = (
    0.05  # how far under the ceiling a peak is brought: other meters see it differently
)
GUARD_SAMPLES = (
    CONTEXT_SAMPLES  # samples that the waveform between two samples is made of, each side
)
MIN_RAMP_SAMPLES = 16  # samples; a steeper gain would make new peaks between its own samples
BLOCK_SAMPLES = 1 << 15  # samples at a time: long songs need no memory but their own


class Limiter(Effect):
    """y[n] = x[n] · 10^(g[n]/20), g ≤ 0 and the same for all channels; no knob, no latency.

    A song whose true peak is 0.01 dB under `ceiling_db` (dBTP) comes out bit for bit. The gain
    falls within `lookahead_ms` before a peak. It recovers with the time constant `release_ms` to
    the mean reduction of the last `memory_ms`, and with that mean to nothing.
    ValueError if a time is not above 0, or the ceiling above 0 dBTP.
    """

    knob_names: ClassVar[tuple[str, ...]] = ()
    invertible: ClassVar[bool] = False

    def __init__(
        self,
        ceiling_db: float = -0.3,
        lookahead_ms: float = 5.0,
        release_ms: float = 30.0,
        memory_ms: float = 500.0,
    ) -> None:
        super().__init__()
        if ceiling_db > 0:
            raise ValueError(f"ceiling_db must be 0 dBTP or less, got {ceiling_db}")
        times = {"lookahead_ms": lookahead_ms, "release_ms": release_ms, "memory_ms": memory_ms}
        for name, value in times.items():
            if value <= 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        self.ceiling_db, self.lookahead_ms = ceiling_db, lookahead_ms
        self.release_ms, self.memory_ms = release_ms, memory_ms
        self.ceiling = 10 ** (ceiling_db / 20)
        self.threshold = 10 ** ((ceiling_db - DETECTION_MARGIN_DB) / 20)
        self.target = 10 ** ((ceiling_db - CEILING_MARGIN_DB) / 20)

    def forward(self, x: Tensor, sample_rate: int) -> Tensor:  # type: ignore[override]
        """x: [B, C, T]. Returns [B, C, T] with a true peak of at most the ceiling."""
        if _max_abs(x) * max_overshoot(OVERSAMPLE) <= self.threshold:
            return x
        if torch.is_grad_enabled() and x.requires_grad:
            return self._limit_all(x, sample_rate)
        if self._idle(x):
            return x
        return self.stream(sample_rate).process(x)

    def stream(self, sample_rate: int) -> "LimiterStream":
        """The same limiter for audio that comes block by block."""
        return LimiterStream(self, sample_rate)

    def ballistics(self, sample_rate: int) -> Ballistics:
        """The times in samples and poles."""
        release, memory = (
            math.exp(-1000 / (time_ms * sample_rate))
            for time_ms in (self.release_ms, self.memory_ms)
        )
        ramp = max(MIN_RAMP_SAMPLES, round(self.lookahead_ms * sample_rate / 1000))
        return Ballistics(ramp, GUARD_SAMPLES, release, memory)

    def needed_db(self, x: Tensor) -> Tensor:
        """The gain each sample needs, at most 0 dB. x: [B, C, T + 2 · GUARD]. Returns [B, T]."""
        return required_gain_db(x, self.threshold, self.target, OVERSAMPLE)

    def _idle(self, x: Tensor) -> bool:
        """Does nothing need a reduction? What rings out past the ends counts. Block by block."""
        end = x.shape[-1] + GUARD_SAMPLES
        return not any(
            self.needed_db(_with_context(x, start, min(start + BLOCK_SAMPLES, end))).any()
            for start in range(-GUARD_SAMPLES, end, BLOCK_SAMPLES)
        )

    def _limit_all(self, x: Tensor, sample_rate: int) -> Tensor:
        """All of x at once, with the gradient of the gain."""
        # What rings out past the ends counts.
        needed_db = self.needed_db(pad(x, (2 * GUARD_SAMPLES, 2 * GUARD_SAMPLES)))
        if not needed_db.any():
            return x
        gain_db = lookahead_gain_db(needed_db, self.ballistics(sample_rate))
        return x * db_to_ratio(gain_db[:, None, GUARD_SAMPLES:-GUARD_SAMPLES].to(x))


class LimiterStream:
    """A limiter that hears block after block; the sound comes `latency_samples` late. No gradient.

    How the audio is cut into blocks changes nothing but rounding. `reduction_db`: the deepest gain
    reduction so far, dB, at least 0.
    """

    def __init__(self, limiter: Limiter, sample_rate: int) -> None:
        self.limiter = limiter
        self.ballistics = limiter.ballistics(sample_rate)
        self.latency_samples = GUARD_SAMPLES + self.ballistics.latency
        self.reduction_db = 0.0
        self._history: Tensor | None = None
        self._state: LookaheadState | None = None  # until something needs a reduction

    @torch.no_grad()
    def push(self, x: Tensor) -> Tensor:
        """The next block. x: [B, C, n]. Returns the limited audio of `latency_samples` before."""
        length = x.shape[-1]
        if self._history is None:
            self._history = x.new_zeros(*x.shape[:2], self.latency_samples + GUARD_SAMPLES)
        heard = torch.cat([self._history, x], dim=-1)
        self._history = heard[..., length:]
        delayed = heard[..., GUARD_SAMPLES : GUARD_SAMPLES + length]
        # A sample's peak is known when the waveform right of it is: `GUARD_SAMPLES` samples late.
        needed_db = self.limiter.needed_db(heard[..., -(length + 2 * GUARD_SAMPLES) :])
        if self._state is None:
            if not needed_db.any():
                return delayed.clone()
            self._state = initial_state(len(x), self.ballistics)
        gain_db = advance(needed_db, self.ballistics, self._state)
        self.reduction_db = max(self.reduction_db, -float(gain_db.min()))
        return delayed * db_to_ratio(gain_db[:, None].to(x))

    @torch.no_grad()
    def process_blocks(self, blocks: Iterable[Tensor], drive: float = 1.0) -> Iterator[Tensor]:
        """A whole song, drive · x, without the delay. blocks, and what is yielded: [B, C, n]."""
        late, block = self.latency_samples, None
        for block in blocks:
            for part in torch.split(block, BLOCK_SAMPLES, dim=-1):
                limited = self.push(part if drive == 1 else drive * part)
                early, late = late, max(0, late - limited.shape[-1])
                yield limited[..., early:]
        if block is not None:  # silence rings the look-ahead out
            yield self.push(block.new_zeros(*block.shape[:2], self.latency_samples))[..., late:]

    def process(self, x: Tensor, drive: float = 1.0) -> Tensor:
        """The same for a song in one piece. x: [B, C, T] → [B, C, T]."""
        y, start = torch.empty_like(x), 0
        for part in self.process_blocks([x], drive):
            y[..., start : start + part.shape[-1]] = part
            start += part.shape[-1]
        return y


def _with_context(x: Tensor, start: int, stop: int) -> Tensor:
    """The samples start … stop and GUARD more on each side; silence outside x."""
    first, last = start - GUARD_SAMPLES, stop + GUARD_SAMPLES
    before, after = max(0, -first), max(0, last - x.shape[-1])
    return pad(x[..., first + before : last - after], (before, after))


def _max_abs(x: Tensor) -> float:
    if not x.numel():
        return 0.0
    low, high = x.detach().aminmax()
    return max(-float(low), float(high))
