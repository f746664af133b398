"""Where a song changes: verse, chorus, bridge, as far as its spectrum tells.

The means of third-octave levels some seconds before and after every second are compared: a
novelty curve, after Foote, "Automatic Audio Segmentation Using a Measure of Audio Novelty", ICME
2000, with the distance in dB in place of a similarity.
"""

import torch
from torch import Tensor

KERNEL_S = 16  # what is compared: so long before and after a border
MIN_SECTION_S = 10  # of a section
MAX_SECTIONS = 12
MIN_NOVELTY_DB = 1.5  # a change smaller than this is none


def section_starts_s(seconds: Tensor) -> list[float]:
    """Starts of the sections, the first 0. seconds: third-octave levels [S, bands], dB."""
    length = len(seconds)
    if length < 2 * MIN_SECTION_S:
        return [0.0]
    novelty = _novelty(seconds.clamp_min(-80.0))
    borders: list[int] = []
    for place in novelty.argsort(descending=True).tolist():
        if len(borders) >= MAX_SECTIONS - 1 or novelty[place] < MIN_NOVELTY_DB:
            break
        ends = [0, length, *borders]
        if all(abs(place - end) >= MIN_SECTION_S for end in ends):
            borders.append(place)
    return [0.0, *map(float, sorted(borders))]


def _novelty(levels: Tensor) -> Tensor:
    """[S]: how far, in dB, the mean levels of the seconds before and after lie apart."""
    sums = torch.cat([levels.new_zeros(1, levels.shape[1]), levels.double().cumsum(0)])
    places = torch.arange(len(levels))
    before = (places - KERNEL_S // 2).clamp_min(0)
    after = (places + KERNEL_S // 2).clamp_max(len(levels))
    left = (sums[places] - sums[before]) / (places - before).clamp_min(1)[:, None]
    right = (sums[after] - sums[places]) / (after - places).clamp_min(1)[:, None]
    distance = (left - right).square().mean(-1).sqrt()
    distance[0] = 0.0
    return distance
