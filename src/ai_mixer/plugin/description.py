"""What the engine ahead of time is made of: a console as constant arrays, for any sample rate."""

from typing import NamedTuple

import numpy as np

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.console.engine_description import describe_chain, describe_limiter
from ai_mixer.core.knob import Knob
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_limiter import LimiterSettings
from ai_mixer.effects.reverb import Reverb, room_spectrum

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
BINS, PERIOD_S, DURATION_S, ROOM_FIELDS = range(4)  # of a room


class EngineDescription(NamedTuple):
    """A console as arrays.

    knobs, steps: see `console.live_chain.ChainDescription`. rooms: [S, 3], per step the number of
    frequencies of its response, the period of their transform and the duration of the response in
    seconds; zeros without one. spectra: float32, [output, input, frequency, 2] of all rooms, one
    after another. knob_specs: for people. limit: False for a console without a limiter.
    """

    knobs: Array
    steps: Array
    limiter: LimiterSettings
    rooms: Array
    spectra: Array
    knob_specs: list[Knob]
    limit: bool = True


def describe_engine(console: EffectChain) -> EngineDescription:
    """Describe a console. ValueError for an effect that cannot be computed ahead of time."""
    effects = [effect for effect, _ in console.effects_with_columns()]
    rooms, spectra = np.zeros((len(effects), ROOM_FIELDS)), [np.empty(0, np.float32)]
    for row, effect, name in zip(rooms, effects, console.effects, strict=True):
        if not effect.streamable:
            raise ValueError(f"effect {name} ({type(effect).__name__}) has no live form")
        kernel = effect.streaming_kernel()
        if kernel.formula == Formula.NONE:
            raise ValueError(f"effect {name} ({type(effect).__name__}) has no `Formula`")
        if kernel.response is not None:
            if not isinstance(effect, Reverb):
                raise ValueError(
                    f"effect {name} ({type(effect).__name__}) has a response of its own: only "
                    "that of Reverb can be computed for any sample rate"
                )
            spectrum, row[PERIOD_S] = room_spectrum(effect.room)
            row[BINS] = spectrum.shape[-1]
            row[DURATION_S] = effect.room.predelay_ms / 1000 + effect.room.decay_s
            spectra.append(_as_pairs(spectrum))
    chain = describe_chain(console, MIN_RATE_HZ, 1)
    return EngineDescription(
        chain.knobs,
        chain.steps,
        describe_limiter(console.limiter),
        rooms,
        np.concatenate(spectra),
        console.knobs,
        console.limiter is not None,
    )


def _as_pairs(spectrum: Array) -> Array:
    """Flatten a complex spectrum to pairs of float32: errors 140 dB below the response."""
    return np.stack([spectrum.real, spectrum.imag], axis=-1).astype(np.float32).ravel()
