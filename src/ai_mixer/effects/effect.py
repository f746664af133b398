"""Base class of effects: differentiable functions of audio and physical knob values."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel


class Effect(nn.Module):
    """One processor of the console, without state between calls.

    knob_names: keyword arguments of `forward`, in physical units, one value per song, [B]; all
    other parameters are set in the constructor.

    shape_knobs: those that have no influence while all others are neutral, e.g. the frequency of a
    band at 0 dB.

    look_ahead_samples: how far the output depends on later input; streams are delayed by as many.

    wet_only: whether the dry signal is left out, for a bus. Such an effect has no neutral values;
    the levels of its sends are neutral at 0.

    Only `forward` is required. invertible: whether the class implements `invert`. streamable:
    whether it implements `streaming_kernel`; streams refuse other values than neutral of an effect
    without it, and files are rendered as a whole. renders_blocks: whether it implements
    `render_blocks`, a faster way for files than its streaming kernel.
    """

    knob_names: ClassVar[tuple[str, ...]] = ()
    shape_knobs: ClassVar[tuple[str, ...]] = ()
    look_ahead_samples: ClassVar[int] = 0
    wet_only: ClassVar[bool] = False
    invertible: ClassVar[bool] = False
    streamable: ClassVar[bool] = False
    renders_blocks: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.invertible = cls.invert is not Effect.invert
        cls.renders_blocks = cls.render_blocks is not Effect.render_blocks
        cls.streamable = cls.streaming_kernel is not Effect.streaming_kernel

    def forward(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """x: [B, C, T], full scale = 1; knobs: [B], in a console float64. Returns [B, C, T]."""
        raise NotImplementedError

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of `dsp.streaming_chain`, for any sample rate."""
        raise NotImplementedError(f"{type(self).__name__} has no streaming kernel")

    def coefficients(self, sample_rate: int, **knobs: Tensor) -> Tensor:
        """Coefficients of the streaming kernel, [B, K] float64, from knobs [B].

        By the kernel's formula. An effect whose formula is `Formula.NONE` overrides this method;
        its streams compute the coefficients in Python with each block, which is slower.
        """
        kernel = self.streaming_kernel()
        if kernel.formula == Formula.NONE:
            raise NotImplementedError(
                f"{type(self).__name__}: give its streaming kernel a formula, or override "
                "`coefficients`"
            )
        arguments = [knobs[a] if isinstance(a, str) else a for a in kernel.arguments]
        return torch.stack(evaluate(kernel.formula, arguments, sample_rate), dim=1)

    def section(self, sample_rate: int, **knobs: Tensor) -> Tensor | None:
        """b₀, b₁, b₂, a₁, a₂ of a second-order filter, [B, 5] float64; None for another effect."""
        is_filter = self.streamable and self.streaming_kernel().kind == KernelKind.FILTER
        return self.coefficients(sample_rate, **knobs) if is_filter else None

    @property
    def is_gain(self) -> bool:
        """Whether it is one gain for all channels."""
        return self.streamable and self.streaming_kernel().formula in {Formula.GAIN, Formula.LEVEL}

    def channel_matrix(self, sample_rate: int, channels: int, **knobs: Tensor) -> Tensor | None:
        """Gains from input to output channels, [B, C, C] float64; None if it is more than that."""
        kind = self.streaming_kernel().kind if self.streamable else None
        if kind not in {KernelKind.MIX, KernelKind.BALANCE}:
            return None
        gains = self.coefficients(sample_rate, **knobs)
        same = torch.eye(channels, dtype=gains.dtype, device=gains.device)
        if kind == KernelKind.BALANCE:
            return gains[:, :, None] * same if channels == 2 else same.expand(len(gains), -1, -1)
        own, other = gains[:, :, None, None].unbind(1)
        return own * same + other * same.flip(0)

    def render_blocks(
        self, blocks: Iterable[Tensor], sample_rate: int, **knobs: Tensor
    ) -> Iterator[Tensor]:
        """Process a song in blocks [C, n], any n; knobs: [1]. Yields as many samples in total."""
        raise NotImplementedError(f"{type(self).__name__} has no renderer of blocks")

    def invert(self, y: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """Return the input for which `forward` gives y. NotImplementedError if not invertible."""
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def audible(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> Tensor:
        """Whether the knobs have an audible effect on the input, [B] bool."""
        return torch.ones(x.shape[0], dtype=torch.bool, device=x.device)

    def audible_knobs(self, x: Tensor, sample_rate: int, **knobs: Tensor) -> dict[str, Tensor]:
        """`audible` per knob, [B] bool each."""
        return dict.fromkeys(knobs, self.audible(x, sample_rate, **knobs))
