"""Description of a console for the compiled engine: arrays of numbers.

Knobs, steps and settings of the limiter do not depend on the sample rate.
"""

from typing import cast

import numpy as np
import torch

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.knob_encoding import encode_knobs
from ai_mixer.console.live_chain import ChainDescription
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_chain import encode_steps
from ai_mixer.dsp.streaming_limiter import LimiterSettings
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.limiter import Limiter


def describe_chain(console: EffectChain, sample_rate: int, channels: int) -> ChainDescription:
    """Describe a console whose effects all have a live form."""
    effects = list(console.effects_with_columns())
    kernels = [effect.streaming_kernel() for effect, _ in effects]
    responses = [
        kernel.response(sample_rate, channels) if kernel.response else np.empty((1, 1, 0))
        for kernel in kernels
    ]
    return ChainDescription(
        encode_knobs(console.knobs),
        encode_steps(kernels, [columns for _, columns in effects]),
        np.array([response.shape[-1] for response in responses], np.int64),
        np.concatenate([np.empty(0), *(response.ravel() for response in responses)]).astype(
            np.float32
        ),
    )


def describe_limiter(limiter: Effect | None) -> LimiterSettings:
    """Describe the limiter of a console; any if it has none, for an engine without limiter."""
    return (cast(Limiter, limiter) if limiter is not None else Limiter()).streaming_settings()


def has_formulas(console: EffectChain) -> bool:
    """Whether the engine computes the coefficients of all effects."""
    effects = (effect for effect, _ in console.effects_with_columns())
    return all(effect.streaming_kernel().formula != Formula.NONE for effect in effects)


def coefficient_rows(console: EffectChain, sample_rate: int, positions: Array) -> Array:
    """Coefficients [N, K] of all effects at positions [N, P], computed in Python."""
    path = torch.from_numpy(positions)
    rows = [
        effect.coefficients(sample_rate, **console.physical_values(columns, path)).double()
        for effect, columns in console.effects_with_columns()
    ]
    return torch.cat(rows, dim=1).numpy() if rows else np.empty((len(positions), 0))
