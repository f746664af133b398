"""The console for live audio: processing in blocks, with knobs that may change at each block."""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.engine_description import (
    coefficient_rows,
    describe_chain,
    describe_limiter,
    has_formulas,
)
from ai_mixer.console.live_chain import chain_buffers
from ai_mixer.console.process import (
    NO_PATH,
    chain_memory,
    engine_size,
    flush,
    init_engine,
    latency,
    process,
)
from ai_mixer.console.smoothing import NOW, period_ends, positions_at, set_target
from ai_mixer.dsp.recursions import Array


class ConsoleStream:
    """The console with its state, for one song or one live input: `mix = stream(block, knobs)`.

    block: [C, n] float32 or float64 with n from 0 to `block_size`, mono or stereo. knobs: [P] or
    [1, P] positions; None keeps the previous ones. Returns [C, n] without gradients, delayed by
    `latency_samples` (the look-ahead of the limiter and of a saturation; 0 without both).

    Knobs are neutral until they are set. Knobs of the first block apply at once, later ones are
    reached within 70 ms, smoothly on the scale of each knob (dB, log ratio, share). The output
    differs from the offline mix by −90 dB or less for any division into blocks.

    The constructor compiles all kernels, so that calls take a constant time. A live program should
    call `torch.set_num_threads(1)`, because threads do not help blocks of this size, and
    `gc.collect(); gc.freeze()`, because Python's garbage collection takes 0.2 s for all imported
    modules. A stream processes one signal, from one thread at a time. NaN and samples over
    1e10 count as 0, because they would stay in the state of the filters. channels: expected channel
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
        self._limit = limit and console.limiter is not None
        self._has_formulas = has_formulas(self._live)
        self._started = False
        self._reset(channels, torch.float32)

    @property
    def latency_samples(self) -> int:
        """Delay of the output in samples."""
        return int(latency(self._memory))

    @torch.no_grad()
    def __call__(self, block: Tensor, knobs: Tensor | None = None) -> Tensor:
        """Process the next block."""
        block = torch.as_tensor(block)
        self._check(block)
        if knobs is not None:
            self._set_knobs(knobs)
        if not block.shape[1]:
            return block.clone()
        path = self._path(block.shape[1])
        self._started = True
        out = torch.empty(block.shape, dtype=self._dtype)
        audio = block.detach().to("cpu", self._dtype).contiguous().numpy()
        process(audio, out.numpy(), self._target, path, self._memory)
        return out.to(block)

    @torch.no_grad()
    def finish(self) -> Tensor:
        """Return the last `latency_samples` of a song after its last block: [C, latency_samples].

        Delay and reverb tails end with the song, as offline. (Further blocks of silence would
        render the tails, and the limiter's look-ahead would react to them.)
        """
        parts, left = [torch.empty(self._channels, 0, dtype=self._dtype)], self.latency_samples
        for start in range(0, left, self.block_size):
            part = torch.empty(
                self._channels, min(self.block_size, left - start), dtype=self._dtype
            )
            flush(part.numpy(), self._memory)
            parts.append(part)
        return torch.cat(parts, dim=-1)

    def _reset(self, channels: int, dtype: torch.dtype) -> None:
        """Reset the state for blocks of a type; compile the functions for it."""
        self._channels, self._dtype = channels, dtype
        self._given: Tensor | None = None
        self._target = self._live.neutral.double().cpu().numpy()
        chain = describe_chain(self._live, self.sample_rate, channels)
        limiter = describe_limiter(self.console.limiter)
        layout = float(self.sample_rate), self.block_size, channels
        like = torch.empty(channels, 0, dtype=dtype).numpy()
        self._memory = np.zeros(engine_size(chain, limiter, *layout))
        init_engine(self._memory, chain, limiter, self._limit, *layout, like)
        process(like, like.copy(), self._target, self._path(0), self._memory)  # compiles it
        init_engine(self._memory, chain, limiter, self._limit, *layout, like)

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
        self._target = given.reshape(-1)[self._live_knobs].clamp(0, 1).numpy()

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

    def _path(self, samples: int) -> Array:
        """Coefficients at the ends of the control periods, for effects without a formula."""
        if self._has_formulas:
            return NO_PATH
        ramp = chain_buffers(chain_memory(self._memory)).ramp
        ends = period_ends(int(ramp.counts[NOW]), samples)
        positions = np.repeat(self._target[None], max(1, len(ends)), axis=0)
        if self._started:
            set_target(ramp, self._target)
            for end, row in zip(ends, positions, strict=False):
                positions_at(ramp, end, row)
        return coefficient_rows(self._live, self.sample_rate, positions)
