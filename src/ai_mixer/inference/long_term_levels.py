"""Long-term levels of mid and side, and how those of two excerpts of a production differ.

The levels differ by `REFERENCE_STD_DB` in a band, with correlated neighbouring bands, correlated
mid and side, and occasional outliers. More precisely, by band: the more, the more the levels change
over time within each excerpt, as the mean of independent seconds does (`difference_std_db`).
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.dsp.spectra import mid_side, third_octave_frames, third_octave_power

# Differences of two excerpts of a production, measured on the long-term levels of 208 pairs of 6 s
# of music: standard deviation in a band without outliers, and the correlations of neighbouring
# bands and of mid and side.
REFERENCE_STD_DB = 2.0
NEIGHBOUR_CORRELATION = 0.5
MID_SIDE_CORRELATION = 0.75
# By what excerpts of constant levels differ, and the length of independent passages. Measured on
# 123 pairs of 6 s of training songs.
CONSTANT_STD_DB = 1.0
PASSAGE_S = 1.0
FRAME_S = 4096 / 44100
FLOOR = 1e-4  # of the loudest band; lower levels are not compared
MONO_POWER_RATIO = 1e-6  # power of the side over that of the mid; below, the width is inaudible


def long_term_db(
    x: Tensor, rate: int, floor: Tensor | None = None, floor_ratio: float = FLOOR
) -> tuple[Tensor, Tensor]:
    """Compute long-term third-octave levels of mid and side: [B, C, T] → [B, 2 · bands] dB, floor.

    floor: power added to each band, so that lower levels are not compared; default `floor_ratio`
    of the loudest band of each song.
    """
    power = third_octave_power(mid_side(x), rate).flatten(1)
    floor = power.amax(1, keepdim=True) * floor_ratio + 1e-12 if floor is None else floor
    return 10.0 * torch.log10(power + floor), floor


def difference_std_db(excerpts: Sequence[Tensor], rate: int) -> Tensor:
    """Standard deviation of the difference between the long-term levels of two excerpts.

    excerpts: both, [C, T] each. Returns [2 · bands] dB: σ² = CONSTANT_STD_DB² + Σ v² / n, with the
    variance v² of the levels of n passages of each excerpt.
    """
    variances = [passage_variance(excerpt, rate) for excerpt in excerpts]
    return torch.stack(variances).sum(0).add(CONSTANT_STD_DB**2).sqrt()


def passage_variance(audio: Tensor, rate: int) -> Tensor:
    """Variance of the mean over passages of a second: [2 · bands] dB²; 0 for a short excerpt."""
    frames = third_octave_frames(mid_side(audio[None])[0], rate, FRAME_S).double().cpu()
    floor = frames.mean(1).max() * FLOOR + 1e-12
    size = max(1, round(2.0 * PASSAGE_S / FRAME_S))  # frames overlap by half
    count = frames.shape[1] // size
    if count < 2:
        return torch.zeros(2 * frames.shape[-1], dtype=torch.float64)
    passages = frames[:, : count * size].reshape(len(frames), count, size, -1).mean(2)
    levels_db = 10.0 * torch.log10(passages + floor)
    return (levels_db.var(1) / count).flatten()


def is_mono(audio: Tensor) -> bool:
    """True for audio [C, T] with a (nearly) silent side."""
    mid, side = mid_side(audio[None])[0].square().sum(-1)
    return bool(side <= MONO_POWER_RATIO * mid)


@lru_cache(maxsize=4)
def whitening_matrix(bands: int, neighbour_correlation: float = NEIGHBOUR_CORRELATION) -> Tensor:
    """Matrix [2 · bands, 2 · bands] that whitens differences in dB [N, 2 · bands].

    The inverse of the covariance's Cholesky factor, transposed.
    """
    band = torch.arange(bands, dtype=torch.float64)
    neighbours = neighbour_correlation ** (band[:, None] - band).abs()
    sides = torch.tensor([[1.0, MID_SIDE_CORRELATION], [MID_SIDE_CORRELATION, 1.0]]).double()
    factor = torch.linalg.cholesky(torch.kron(sides, neighbours) * REFERENCE_STD_DB**2)
    return torch.linalg.inv(factor).T
