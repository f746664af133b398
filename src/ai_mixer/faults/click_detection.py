"""Detection of clicks: single samples that stand out of the sound around them.

The fourth difference removes the smooth part of the signal. A drum or a consonant has many large
differences in a row, a click has one: it counts by the ratio of the largest difference of a block
to the next largest one outside the click.
"""

import torch
from torch import Tensor

BLOCK_SAMPLES = 256
CLICK_SAMPLES = 6  # length of the fourth difference of a click, with one sample more
MIN_LEVEL = 1e-3  # of the difference, −60 dBFS
MIN_RATIO = 5.0  # of a click; drums and consonants reach 4
KERNEL = (1.0, -4.0, 6.0, -4.0, 1.0)


def click_ratios(audio: Tensor) -> Tensor:
    """Prominence of the largest difference of each block: [C, T] → [blocks], largest first.

    0 for blocks without a difference of −60 dBFS. A song shorter than a block has none.
    """
    mono = audio.mean(0)
    if len(mono) < BLOCK_SAMPLES + len(KERNEL):
        return audio.new_zeros(0)
    kernel = audio.new_tensor(KERNEL)[None, None]
    difference = torch.nn.functional.conv1d(mono[None, None], kernel)[0, 0].abs()
    blocks = difference.unfold(0, BLOCK_SAMPLES, BLOCK_SAMPLES // 2)
    highest, place = blocks.max(1)
    distance = (torch.arange(BLOCK_SAMPLES) - place[:, None]).abs()
    others = torch.where(distance < CLICK_SAMPLES, 0.0, blocks).amax(1)
    # A click in the last samples of a block is in the middle of the next one.
    inside = (place >= BLOCK_SAMPLES // 4) & (place < 3 * BLOCK_SAMPLES // 4)
    ratio = highest / others.clamp_min(1e-9)
    ratios = torch.where(inside & (highest > MIN_LEVEL), ratio, 0.0)
    return ratios.sort(descending=True).values
