"""Another tempo at the same pitch: grains laid where the waveform goes on.

WSOLA: Verhelst & Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high
quality time-scale modification of speech", ICASSP 1993. Grains are copied as they are, so
transients stay sharp, and all channels move alike, so the stereo image stays. For small changes
(±20 %).
"""

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.recursions import Array

HOP_S = 0.0174  # half a grain
SEARCH_RANGE_S = (
    0.0232  # how far a grain may be moved to fit the last one: a period of 43 Hz, a hit
)
COARSE_STEP_SAMPLES = 4  # samples: the first search takes every fourth
DRIFT_PENALTY = 0.1  # back to the right time, against an error of the mean power: see `_best_start`


def time_stretch(x: Tensor, tempo: float, sample_rate: int, length: int | None = None) -> Tensor:
    """Play `tempo` times as fast. x: [C, T]. Returns [C, length], default round(T / tempo).

    Sample n of the result was heard near n · tempo. ValueError outside 0.5–2.
    """
    if not 0.5 <= tempo <= 2.0:
        raise ValueError(f"tempo must be 0.5–2, got {tempo}")
    length = round(x.shape[-1] / tempo) if length is None else length
    hop = max(COARSE_STEP_SAMPLES, round(HOP_S * sample_rate))
    reach = max(COARSE_STEP_SAMPLES, round(SEARCH_RANGE_S * sample_rate))
    grains = -(-length // hop) + 1  # the first one is half before the start
    before = hop + reach
    after = max(0, int(grains * hop * tempo) + 3 * hop + 2 * reach - x.shape[-1])
    padded = pad(x, (before, after))
    # Unequal weights, or two channels in opposite phase would be silence.
    weights = 0.8 ** torch.arange(len(x)).to(x)
    places = _grain_starts(_numpy(weights @ padded), grains, hop, tempo, reach)
    index = torch.from_numpy(places)[:, None] + torch.arange(2 * hop)
    pieces = padded[:, index]  # [C, grains, 2 hop]
    fade = torch.sin(torch.pi / 2 * (torch.arange(hop) + 0.5) / hop).square().to(x)
    joined = pieces[:, 1:, :hop] * fade + pieces[:, :-1, hop:] * fade.flip(0)
    return joined.flatten(1)[:, :length]


def _numpy(x: Tensor) -> Array:
    return x.detach().cpu().float().numpy()


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _grain_starts(x, grains, hop, tempo, reach):  # type: ignore[no-untyped-def]
    """Where in x each grain starts: near its time, and most like what would have come next."""
    rough = np.zeros(
        len(x) // COARSE_STEP_SAMPLES, np.float32
    )  # a quarter of the rate will do for a first look
    for i in range(len(rough)):
        for j in range(COARSE_STEP_SAMPLES):
            rough[i] += x[i * COARSE_STEP_SAMPLES + j]
    power, rough_power = _power(x), _power(rough)
    places = np.empty(grains, np.int64)
    places[0] = reach
    for k in range(1, grains):
        wanted = places[k - 1] + hop
        middle = reach + round(k * hop * tempo)
        low, high = middle - reach, middle + reach
        size, pull = 2 * hop, DRIFT_PENALTY * 2 * hop * power
        near = COARSE_STEP_SAMPLES * _best_start(
            rough,
            wanted // COARSE_STEP_SAMPLES,
            low // COARSE_STEP_SAMPLES,
            high // COARSE_STEP_SAMPLES,
            size // COARSE_STEP_SAMPLES,
            DRIFT_PENALTY * (size // COARSE_STEP_SAMPLES) * rough_power,
            middle // COARSE_STEP_SAMPLES,
            reach // COARSE_STEP_SAMPLES,
        )
        low, high = max(low, near - COARSE_STEP_SAMPLES), min(high, near + COARSE_STEP_SAMPLES)
        places[k] = _best_start(x, wanted, low, high, size, pull, middle, reach)
    return places


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _power(x):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return total / len(x)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _best_start(x, wanted, low, high, size, pull, middle, reach):  # type: ignore[no-untyped-def]
    """The start in low … high whose `size` samples differ least from those from `wanted` on.

    The squared difference, so that a hit weighs more than what lies between hits; and a pull back
    to the middle, so that grains are put right between hits and have room to go on through one.
    """
    best, least = middle, np.float32(np.inf)
    target = x[wanted : wanted + size]
    for start in range(low, high + 1):
        piece = x[start : start + size]
        error = np.float32(0.0)
        for i in range(size):
            error += (target[i] - piece[i]) * (target[i] - piece[i])
        late = np.float32(start - middle) / np.float32(reach)
        error += np.float32(pull) * late * late
        if error < least:
            best, least = start, error
    return best
