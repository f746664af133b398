"""The console live: a block in, a block out, and knobs that may be turned at any block."""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console.coefficient_table import CoefficientTable
from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.smoothing import KnobSmoother
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_chain import CONTROL_PERIOD_SAMPLES, StreamingChain
from ai_mixer.effects.limiter import Limiter, LimiterStream

SMOOTHING_S = 0.07  # how long a knob takes; 24 dB in 50 ms would be heard beside a tone of 100 Hz


class ConsoleStream:
    """`s(block, knobs)`: the console with its state, for one song or one live input.

    block: [C, n] float32 or float64 with any n from 0 to `block_size`, mono or stereo. knobs: [P]
    or [1, P] positions, or None to leave them where they are. Returns [C, n], without gradients:
    what went in `latency_samples` before (the limiter's look-ahead; 0 with limit=False).

    Knobs are neutral until they are given. Those of the first block hold at once, later ones glide
    to their place in 70 ms, each on its own scale (dB, log ratio, share), without a click. What
    comes out is the offline mix, however it is cut into blocks, to −90 dB and better.

    One that is made is ready: nothing is compiled or planned while it plays. Two things are left to
    the program: `torch.set_num_threads(1)`, as threads do not help blocks this small, and
    `gc.collect(); gc.freeze()`, as Python's collector takes 0.2 s over all that is imported. One
    stream plays one signal, from one thread at a time. A sample that is NaN or infinite is heard as
    0: it would never leave the filters. channels: what to be ready for; the first block may differ.
    ValueError for knobs or a block that do not fit, and knobs that are not finite.

    >>> from ai_mixer import load_console
    >>> console = load_console("classic", ranges="wide")
    >>> stream = console.stream(44_100, 128)
    >>> stream.latency_samples  # of the limiter
    316
    >>> silence = torch.zeros(2, 128)
    >>> stream(silence).shape  # neutral
    torch.Size([2, 128])
    >>> brighter = console.knobs_from({"high_eq": 4.0})[0]
    >>> stream(silence, brighter).shape  # turned, and left there
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
        self._coefficient_table = CoefficientTable(console, sample_rate)
        self._limiter = cast(Limiter, console.limiter).stream(sample_rate) if limit else None
        self._started, self._like = False, torch.empty(0)
        self._reset(channels)

    @property
    def latency_samples(self) -> int:
        """By how much the output is late."""
        return self._limiter.latency_samples if self._limiter else 0

    @torch.no_grad()
    def __call__(self, block: Tensor, knobs: Tensor | None = None) -> Tensor:
        """The next block."""
        self._check(block)
        if knobs is not None:
            self._set_knobs(knobs)
        if not block.shape[1]:
            return block.clone()
        self._started, self._like = True, block.new_empty(0)
        audio = torch.empty(block.shape, dtype=torch.float64)
        self._chain.push(audio.copy_(block).numpy())
        self._smoother.advance(block.shape[1])
        mix = audio.to(block)
        return self._limiter.push(mix[None])[0] if self._limiter else mix

    @torch.no_grad()
    def finish(self) -> Tensor:
        """The last `latency_samples` of a song that has been given whole: [C, latency_samples].

        Echoes and room end with the song, as offline. (Blocks of silence instead would let them
        sound, and the limiter, which looks ahead, would hear them.)
        """
        silence = self._like.new_zeros(self._channels, self.latency_samples)
        return self._limiter.push(silence[None])[0] if self._limiter else silence

    def _reset(self, channels: int) -> None:
        """At rest. Everything is called once, so that it is compiled before the first block."""
        self._channels = channels
        effects = [effect for effect, _ in self.console.effects_with_columns()]
        self._chain = StreamingChain(
            [effect.streaming_kernel(self.sample_rate, channels) for effect in effects]
        )
        self._reset_knobs(self.console.neutral.double().cpu().numpy())
        self._coefficient_table(self._smoother.target[None])
        nothing = torch.zeros(1, channels, self.block_size)
        self._chain.push(nothing[0, :, :0].double().numpy())
        if self._limiter:
            LimiterStream(self._limiter.limiter, self.sample_rate).push(nothing)

    def _check(self, block: Tensor) -> None:
        if block.dim() != 2 or block.shape[1] > self.block_size:
            raise ValueError(
                f"block must be [C, n] with n ≤ {self.block_size}, got {list(block.shape)}"
            )
        if block.dtype not in {torch.float32, torch.float64}:
            raise ValueError(f"block must be float32 or float64, got {block.dtype}")
        if block.shape[0] == self._channels:
            return
        if self._started or block.shape[0] not in {1, 2}:
            raise ValueError(f"block must have {self._channels} channels, got {block.shape[0]}")
        self._reset(block.shape[0])

    def _set_knobs(self, knobs: Tensor) -> None:
        self.console.check_knobs(knobs[None] if knobs.dim() == 1 else knobs, songs=1)
        target = knobs.detach().cpu().double().numpy().reshape(-1)
        if np.array_equal(target, self._smoother.target):
            return
        if not np.isfinite(target).all():
            raise ValueError(f"knobs must be finite, got {target.tolist()}")
        if self._started:
            self._smoother.set_target(target)
            self._chain.set_coefficients(
                self._coefficient_table(self._smoother.path(CONTROL_PERIOD_SAMPLES))
            )
        else:
            self._reset_knobs(target)

    def _reset_knobs(self, positions: Array) -> None:
        """Knobs without a past: [P]."""
        self._smoother = KnobSmoother(positions, round(SMOOTHING_S * self.sample_rate))
        self._chain.set_coefficients(self._coefficient_table.exact(positions[None]))
