"""Segment a song into sections by changes of its spectrum.

A novelty curve: the distance in dB between the mean third-octave levels some seconds before and
after each second. After Foote, "Automatic Audio Segmentation Using a Measure of Audio Novelty",
ICME 2000, which uses a similarity.
"""

import torch
from torch import Tensor

KERNEL_S = 16  # length of the compared stretch, half before and half after a border
MIN_SECTION_S = 10
MAX_SECTIONS = 12
MIN_NOVELTY_DB = 1.5  # smaller changes are ignored


def section_starts_s(spectra_db: Tensor) -> list[float]:
    """Starts of the sections in seconds, the first 0.

    spectra_db: third-octave levels of each second, [S, bands] in dB.
    """
    length = len(spectra_db)
    if length < 2 * MIN_SECTION_S:
        return [0.0]
    novelty = _novelty(spectra_db.clamp_min(-80.0))
    borders: list[int] = []
    for second in novelty.argsort(descending=True).tolist():
        if len(borders) >= MAX_SECTIONS - 1 or novelty[second] < MIN_NOVELTY_DB:
            break
        if all(abs(second - border) >= MIN_SECTION_S for border in [0, length, *borders]):
            borders.append(second)
    return [0.0, *map(float, sorted(borders))]


def _novelty(levels: Tensor) -> Tensor:
    """[S]: distance in dB between the mean levels before and after each second."""
    sums = torch.cat([levels.new_zeros(1, levels.shape[1]), levels.double().cumsum(0)])
    seconds = torch.arange(len(levels))
    before = (seconds - KERNEL_S // 2).clamp_min(0)
    after = (seconds + KERNEL_S // 2).clamp_max(len(levels))
    left = (sums[seconds] - sums[before]) / (seconds - before).clamp_min(1)[:, None]
    right = (sums[after] - sums[seconds]) / (after - seconds).clamp_min(1)[:, None]
    distance = (left - right).square().mean(-1).sqrt()
    distance[0] = 0.0
    return distance
