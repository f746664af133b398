"""The console for live audio: processing in blocks, with knobs that may change at each block."""

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
        self._check_streamable(neutral)
        self._live, self._live_knobs = console.streamable_part()
        self._coefficient_table = CoefficientTable(self._live, sample_rate)
        self._limiter = cast(Limiter, console.limiter).stream(sample_rate) if limit else None
        self._started, self._like = False, torch.empty(0)
        self._reset(channels)

    @property
    def latency_samples(self) -> int:
        """Delay of the output in samples."""
        return self._limiter.latency_samples if self._limiter else 0

    @torch.no_grad()
    def __call__(self, block: Tensor, knobs: Tensor | None = None) -> Tensor:
        """Process the next block."""
        block = torch.as_tensor(block)
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
        """Return the last `latency_samples` of a song after its last block: [C, latency_samples].

        Delay and reverb tails end with the song, as offline. (Further blocks of silence would
        render the tails, and the limiter's look-ahead would react to them.)
        """
        silence = self._like.new_zeros(self._channels, self.latency_samples)
        return self._limiter.push(silence[None])[0] if self._limiter else silence

    def _reset(self, channels: int) -> None:
        """Reset the state and call each function once, so that all are compiled in advance."""
        self._channels = channels
        effects = [effect for effect, _ in self._live.effects_with_columns()]
        self._chain = StreamingChain(
            [effect.streaming_kernel(self.sample_rate, channels) for effect in effects]
        )
        self._reset_knobs(self._live.neutral.double().cpu().numpy())
        self._coefficient_table(self._smoother.target[None])
        silence = torch.zeros(1, channels, self.block_size)
        self._chain.push(silence[0, :, :0].double().numpy())
        if self._limiter:
            LimiterStream(self._limiter.limiter, self.sample_rate).push(silence)

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
        positions = torch.as_tensor(knobs).detach().cpu()
        self.console.check_knobs(positions[None] if positions.dim() == 1 else positions, songs=1)
        positions = positions.double().reshape(-1)
        self._check_streamable(positions)
        target = positions[self._live_knobs].numpy()
        if np.array_equal(target, self._smoother.target):
            return
        if self._started:
            self._smoother.set_target(target)
            self._chain.set_coefficients(
                self._coefficient_table(self._smoother.path(CONTROL_PERIOD_SAMPLES))
            )
        else:
            self._reset_knobs(target)

    def _check_streamable(self, positions: Tensor) -> None:
        name = self.console.unstreamable_effect(positions[None])
        if name is not None:
            kind = type(self.console.effects[name]).__name__
            raise ValueError(
                f"effect {name} ({kind}) has no live form: a stream needs its knobs at neutral; "
                "`console(audio, …)` and `console.render` process it"
            )

    def _reset_knobs(self, positions: Array) -> None:
        """Set knobs [P] at once, without smoothing."""
        self._smoother = KnobSmoother(positions, round(SMOOTHING_S * self.sample_rate))
        self._chain.set_coefficients(self._coefficient_table.exact(positions[None]))
