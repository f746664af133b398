"""Stem remix: the same song with other faders."""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Excerpt

MAX_STEMS = 32  # drawn each time: more stems share them
SILENT_POWER_RATIO = 1e-6  # of the mix' power: a stem as weak has no fader to find


class StemRemix(SingleVersionAugment):
    """Every stem louder or softer by up to range_db. Songs without stems stay as they are.

    x + Σ (gain − 1) · w · stem, where w are the faders that explain the mix best (least squares,
    each channel for itself): stems on disk are often from before their channel of the desk. Of the
    finished side only.
    """

    needs_stems = True

    def __init__(self, range_db: float = 4.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_db = range_db

    def draw_parameters(self, rng: np.random.Generator) -> list[float]:
        """Gains in dB, for the stems in the order of their names."""
        return list(rng.uniform(-self.range_db, self.range_db, MAX_STEMS))

    def prepare(self, excerpt: Excerpt, params: list[float] | None) -> Excerpt:
        """Read the stems and move them in the mix."""
        if params is None or not excerpt.stems:
            return excerpt
        stems = torch.stack([excerpt.stems[name]() for name in sorted(excerpt.stems)])
        gains = 10.0 ** (torch.tensor(params).to(stems) / 20.0)
        process = gains[torch.arange(len(stems)) % MAX_STEMS] - 1.0
        moves = estimate_stem_gains(excerpt.audio, stems) * process[:, None]
        return excerpt._replace(
            audio=excerpt.audio + torch.einsum("nc,nct->ct", moves, stems),
        )


def estimate_stem_gains(mix: Tensor, stems: Tensor) -> Tensor:
    """[N, C]: the gain of each stem in the mix; 0 where it is silent, or only in the way.

    mix: [C, T]; stems: [N, C, T].
    """
    rows = stems.transpose(0, 1)  # [C, N, T]
    products, answers = (rows @ rows.mT).double(), (rows @ mix[..., None]).double()
    power = mix.square().sum(-1).double()  # [C]
    floor = torch.eye(len(stems)) * (SILENT_POWER_RATIO * power + 1e-12)[:, None, None]
    return torch.linalg.solve(products + floor, answers)[..., 0].clamp_min(0.0).T.to(mix)
