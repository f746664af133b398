"""Reverb for a bus: a feedback delay network whose decay, pre-delay and damping are knobs."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from ai_mixer.dsp.delay_formulas import LINE_S
from ai_mixer.dsp.feedback_delay import feedback_delay
from ai_mixer.dsp.feedback_network import feedback_network
from ai_mixer.dsp.formulas import Formula, evaluate
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect


class ReverbBus(Effect):
    """y = G · network(x delayed by the pre-delay): reverb only, without the dry signal.

    The network (`dsp.feedback_network`) has 16 lines of 12–63 ms with a low-pass each (Jot &
    Chaigne 1991), so that the time to −60 dB is decay_s / (1 + (f / damping_hz)²): exactly at low
    frequencies and at damping_hz. G keeps the level of noise for any decay. The levels of the sends
    are neutral at 0. The result for audio of one channel is the left output for the same signal on
    both inputs.

    Knobs, [B] each, with gradients: decay_s: above 0. predelay_ms: at least 0, to which 12 ms of
    the shortest line are added; above max_predelay_ms it is set to this. damping_hz: frequency of
    half the decay time, above 0. ValueError for a max_predelay_ms that is not above 0. No inverse.
    """

    knob_names: ClassVar[tuple[str, ...]] = ("decay_s", "predelay_ms", "damping_hz")
    shape_knobs: ClassVar[tuple[str, ...]] = knob_names
    wet_only: ClassVar[bool] = True

    def __init__(self, max_predelay_ms: float = 250.0) -> None:
        super().__init__()
        if max_predelay_ms <= 0.0:
            raise ValueError(f"max_predelay_ms: needs a value above 0, got {max_predelay_ms}")
        self.max_predelay_ms = max_predelay_ms

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        sample_rate: int,
        *,
        decay_s: Tensor,
        predelay_ms: Tensor,
        damping_hz: Tensor,
    ) -> Tensor:
        """x: [B, C, T], mono or stereo; knobs: [B]. Returns [B, C, T]."""
        arguments = (decay_s, predelay_ms, damping_hz, self.max_predelay_ms)
        predelay, gain, *filters = evaluate(Formula.FEEDBACK_NETWORK, arguments, sample_rate)
        nothing = torch.zeros_like(predelay)
        delayed = feedback_delay(x, torch.stack([predelay, nothing, nothing], dim=1))
        lengths = [math.floor(line_s * sample_rate + 0.5) for line_s in LINE_S]
        fed = delayed * gain.to(x.dtype)[:, None, None]
        return feedback_network(fed, torch.stack(filters, dim=1), lengths)

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        arguments: tuple[str | float, ...] = (*self.knob_names, self.max_predelay_ms)
        constants = (self.max_predelay_ms,)
        return StreamingKernel(KernelKind.NETWORK, Formula.FEEDBACK_NETWORK, arguments, constants)
