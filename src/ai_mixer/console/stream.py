"""The console for live audio: processing in blocks, with knobs that may change at each block."""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console.coefficient_table import (
    build_table,
    exact_coefficients,
    has_single_knob_effects,
)
from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.process import NO_PATH, Coefficients, EngineState, WorkSpace, process
from ai_mixer.console.smoothing import init_ramp, period_ends, positions_at, set_target
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_chain import init_chain
from ai_mixer.dsp.streaming_limiter import StreamingLimiter, limit_block, samples_before
from ai_mixer.effects.limiter import Limiter

SMOOTHING_S = 0.07  # duration of a knob change; 24 dB in 50 ms is audible on a tone of 100 Hz


class ConsoleStream:
    """The console with its state, for one song or one live input: `mix = stream(block, knobs)`.

    block: [C, n] float32 or float64 with n from 0 to `block_size`, mono or stereo. knobs: [P] or
    [1, P] positions; None keeps the previous ones. Returns [C, n] without gradients, delayed by
    `latency_samples` (the limiter's look-ahead; 0 with limit=False).

    Knobs are neutral until they are set. Knobs of the first block apply at once, later ones are
    reached within 70 ms, smoothly on the scale of each knob (dB, log ratio, share). The output
    differs from the offline mix by −90 dB or less for any division into blocks.

    The constructor compiles all kernels, so that calls take a constant time. A live program should
    call `torch.set_num_threads(1)`, because threads do not help blocks of this size, and
    `gc.collect(); gc.freeze()`, because Python's garbage collection takes 0.2 s for all imported
    modules. A stream processes one signal, from one thread at a time. NaN and infinite samples
    count as 0, because they would stay in the state of the filters. channels: expected channel
    count; the first block may have another. Blocks and knobs may be NumPy arrays. ValueError for
    knobs or a block of a wrong shape, for positions that are NaN or outside 0–1, and for those that
    move an effect without a live form (`Effect.streamable`).

    >>> from ai_mixer import load_console
    >>> console = load_console("classic", ranges="wide")
    >>> stream = console.stream(44_100, 128)
    >>> stream.latency_samples  # of the limiter
    316
    >>> silence = torch.zeros(2, 128)
    >>> stream(silence).shape  # neutral knobs
    torch.Size([2, 128])
    >>> knobs = console.knobs_from({"high_eq": 4.0})[0]
    >>> stream(silence, knobs).shape
    torch.Size([2, 128])
    """

    def __init__(
        self,
        console: EffectChain,
        sample_rate: int,
        block_size: int,
        *,
        channels: int = 2,
        limit: bool = True,
    ) -> None:
        if block_size < 1:
            raise ValueError(f"block_size must be 1 or more, got {block_size}")
        neutral = console.neutral.cpu()
        console.check(neutral.new_zeros(1, channels, block_size), sample_rate, neutral[None])
        self.console, self.sample_rate, self.block_size = console, sample_rate, block_size
        self._live, self._live_knobs = console.streamable_part()
        self._check_streamable(neutral)
        self._limiter = cast(Limiter, console.limiter) if limit else None
        self._table = build_table(self._live, sample_rate)
        self._use_table = has_single_knob_effects(self._live)
        self._started, self._like = False, torch.empty(0)
        self._reset(channels, torch.float32)

    @property
    def latency_samples(self) -> int:
        """Delay of the output in samples."""
        return self._limiter.latency_samples(self.sample_rate) if self._limiter else 0

    @torch.no_grad()
    def __call__(self, block: Tensor, knobs: Tensor | None = None) -> Tensor:
        """Process the next block."""
        block = torch.as_tensor(block)
        self._check(block)
        if knobs is not None:
            self._set_knobs(knobs)
        if not block.shape[1]:
            return block.clone()
        self._started = True
        out = torch.empty(block.shape, dtype=self._dtype)
        audio = block.detach().to("cpu", self._dtype).contiguous().numpy()
        process(audio, out.numpy(), self._target, self._path(block.shape[1]), *self._state)
        return out.to(block)

    @torch.no_grad()
    def finish(self) -> Tensor:
        """Return the last `latency_samples` of a song after its last block: [C, latency_samples].

        Delay and reverb tails end with the song, as offline. (Further blocks of silence would
        render the tails, and the limiter's look-ahead would react to them.)
        """
        limiter = self._state.limiter
        if limiter is None:
            return torch.empty(self._channels, 0, dtype=self._dtype)
        left = self.latency_samples
        starts = range(0, left, self.block_size)
        parts = [_flush(limiter, min(self.block_size, left - start)) for start in starts]
        return torch.from_numpy(np.concatenate(parts, axis=1))

    def _reset(self, channels: int, dtype: torch.dtype) -> None:
        """Reset the state for blocks of a type; compile the functions for it."""
        self._channels, self._dtype = channels, dtype
        self._given: Tensor | None = None
        silence = torch.zeros(channels, self.block_size, dtype=dtype).numpy()
        effects = [effect for effect, _ in self._live.effects_with_columns()]
        chain = init_chain([e.streaming_kernel(self.sample_rate, channels) for e in effects])
        limiter = self._limiter
        self._state = EngineState(
            init_ramp(np.empty(len(self._live.knobs)), round(SMOOTHING_S * self.sample_rate)),
            self._table,
            Coefficients(np.ones(1, np.int64), np.zeros((3, chain.columns[-1]))),
            chain,
            limiter.streaming_state(self.sample_rate, silence) if limiter else None,
            WorkSpace(np.empty(silence.size), np.empty(len(self._live.knobs))),
        )
        self._jump(self._live.neutral.double().cpu().numpy())
        process(silence[:, :0], silence[:, :0].copy(), self._target, NO_PATH, *self._state)

    def _check(self, block: Tensor) -> None:
        if block.dim() != 2 or block.shape[1] > self.block_size:
            raise ValueError(
                f"block must be [C, n] with n ≤ {self.block_size}, got {list(block.shape)}"
            )
        if block.dtype not in {torch.float32, torch.float64}:
            raise ValueError(f"block must be float32 or float64, got {block.dtype}")
        if (block.shape[0], block.dtype) == (self._channels, self._dtype):
            return
        if block.shape[0] not in {1, 2} or (self._started and block.shape[0] != self._channels):
            raise ValueError(f"block must have {self._channels} channels, got {block.shape[0]}")
        if not self._started:
            self._reset(block.shape[0], block.dtype)

    def _set_knobs(self, knobs: Tensor) -> None:
        given = torch.as_tensor(knobs).detach().cpu().double()
        if self._given is not None and torch.equal(given, self._given):
            return
        self.console.check_knobs(given[None] if given.dim() == 1 else given, songs=1)
        self._check_streamable(given.reshape(-1))
        self._given = given.clone()
        target = given.reshape(-1)[self._live_knobs].clamp(0, 1).numpy()
        if self._started:
            self._target = target
        else:
            self._jump(target)

    def _check_streamable(self, positions: Tensor) -> None:
        if len(self._live.effects) == len(self.console.effects):
            return  # all effects have a live form: nothing to check with each block
        name = self.console.unstreamable_effect(positions[None])
        if name is not None:
            kind = type(self.console.effects[name]).__name__
            raise ValueError(
                f"effect {name} ({kind}) has no live form: a stream needs its knobs at neutral; "
                "`console(audio, …)` and `console.render` process it"
            )

    def _jump(self, positions: Array) -> None:
        """Set knobs [P] at once, without smoothing."""
        self._target = positions
        self._state.ramp.target[:] = positions
        exact = exact_coefficients(self._live, self.sample_rate, positions[None])
        self._state.coefficients.rows[0] = exact[0]

    def _path(self, samples: int) -> Array:
        """Exact coefficients at the ends of the control periods, for effects of several knobs."""
        if self._use_table:
            return NO_PATH
        ramp = self._state.ramp
        set_target(ramp, self._target)
        ends = period_ends(ramp, samples)
        positions = np.empty((len(ends), len(self._target)))
        for end, row in zip(ends, positions, strict=True):
            positions_at(ramp, end, row)
        return exact_coefficients(self._live, self.sample_rate, positions)


def _flush(limiter: StreamingLimiter, samples: int) -> Array:
    """Return the next samples of the limiter for silence, [C, samples]."""
    out = np.empty((limiter.delayed.shape[1], samples), limiter.delayed.dtype)
    before = samples_before(limiter)
    limiter.delayed[..., before : before + samples] = 0
    limit_block(out, limiter)
    return out
