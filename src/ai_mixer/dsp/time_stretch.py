"""Time stretching at constant pitch by WSOLA.

Verhelst & Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high
quality time-scale modification of speech", ICASSP 1993. Grains are copied unchanged, which
preserves transients, at the same positions in all channels, which preserves the stereo image. For
small changes (±20 %).
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.recursions import Array
from ai_mixer.utils.compilation import njit

HOP_S = 0.0174  # half a grain
SEARCH_RANGE_S = 0.0232  # maximal shift of a grain: a period of 43 Hz
COARSE_STEP_SAMPLES = 4  # step of the first search
DRIFT_PENALTY = 0.1  # relative to the mean power, see `_best_start`


def time_stretch(x: Tensor, tempo: float, sample_rate: int, length: int | None = None) -> Tensor:
    """Change the tempo by a factor. x: [C, T]. Returns [C, length], default round(T / tempo).

    Sample n of the result is from about n · tempo. ValueError for a tempo outside 0.5–2.
    """
    if not 0.5 <= tempo <= 2.0:
        raise ValueError(f"tempo must be 0.5–2, got {tempo}")
    length = round(x.shape[-1] / tempo) if length is None else length
    hop = max(COARSE_STEP_SAMPLES, round(HOP_S * sample_rate))
    reach = max(COARSE_STEP_SAMPLES, round(SEARCH_RANGE_S * sample_rate))
    grains = -(-length // hop) + 1  # the first half of the first one is before the start
    before = hop + reach
    after = max(0, int(grains * hop * tempo) + 3 * hop + 2 * reach - x.shape[-1])
    padded = pad(x, (before, after))
    # Unequal weights: the sum of two channels in opposite phase would be silent.
    weights = 0.8 ** torch.arange(len(x)).to(x)
    starts = _grain_starts(_numpy(weights @ padded), grains, hop, tempo, reach)
    index = torch.from_numpy(starts)[:, None] + torch.arange(2 * hop)
    parts = padded[:, index]  # [C, grains, 2 hop]
    fade = torch.sin(torch.pi / 2 * (torch.arange(hop) + 0.5) / hop).square().to(x)
    joined = parts[:, 1:, :hop] * fade + parts[:, :-1, hop:] * fade.flip(0)
    return joined.flatten(1)[:, :length]


def _numpy(x: Tensor) -> Array:
    return x.detach().cpu().float().numpy()


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _grain_starts(x, grains, hop, tempo, reach):  # type: ignore[no-untyped-def]
    """Start of each grain in x: near its nominal time, most similar to the natural continuation."""
    step = COARSE_STEP_SAMPLES
    coarse = np.zeros(len(x) // step, np.float32)  # a quarter of the rate for the first search
    for i in range(len(coarse)):
        for j in range(step):
            coarse[i] += x[i * step + j]
    power, coarse_power = _power(x), _power(coarse)
    starts = np.empty(grains, np.int64)
    starts[0] = reach
    for k in range(1, grains):
        continuation = starts[k - 1] + hop
        middle = reach + round(k * hop * tempo)
        low, high = middle - reach, middle + reach
        size, penalty = 2 * hop, DRIFT_PENALTY * 2 * hop * power
        near = step * _best_start(
            coarse,
            continuation // step,
            low // step,
            high // step,
            size // step,
            DRIFT_PENALTY * (size // step) * coarse_power,
            middle // step,
            reach // step,
        )
        low, high = max(low, near - step), min(high, near + step)
        starts[k] = _best_start(x, continuation, low, high, size, penalty, middle, reach)
    return starts


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _power(x):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return total / len(x)


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _best_start(x, continuation, low, high, size, penalty, middle, reach):  # type: ignore[no-untyped-def]
    """The start in low … high whose `size` samples are most similar to those at `continuation`.

    Minimises the squared difference, which is dominated by transients, plus a penalty on the
    distance from the middle, which corrects the time between transients.
    """
    best, least = middle, np.float32(np.inf)
    target = x[continuation : continuation + size]
    for start in range(low, high + 1):
        candidate = x[start : start + size]
        error = np.float32(0.0)
        for i in range(size):
            error += (target[i] - candidate[i]) * (target[i] - candidate[i])
        drift = np.float32(start - middle) / np.float32(reach)
        error += np.float32(penalty) * drift * drift
        if error < least:
            best, least = start, error
    return best
