"""Random change of the levels of a song's stems."""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Excerpt

MAX_STEMS = 32  # number of gains that are drawn; further stems reuse them
SILENT_POWER_RATIO = 1e-6  # of the mix' power: regularises the gains of weak stems to 0


class StemRemix(SingleVersionAugment):
    """Change the level of every stem by up to ±range_db. Songs without stems are unchanged.

    x + Σ (gain − 1) · w · stem, where w are the stem gains that explain the mix x best (least
    squares, per channel), since stems on disk often do not have their level in the mix. For the
    finished version only.
    """

    needs_stems = True

    def __init__(self, range_db: float = 4.0, *, probability: float = 0.5) -> None:
        super().__init__("finished", probability)
        self.range_db = range_db

    def draw_parameters(self, rng: np.random.Generator) -> list[float]:
        """Draw gains in dB, for the stems in alphabetical order."""
        return list(rng.uniform(-self.range_db, self.range_db, MAX_STEMS))

    def prepare(self, excerpt: Excerpt, params: list[float] | None) -> Excerpt:
        """Read the stems and change their levels in the mix."""
        if params is None or not excerpt.stems:
            return excerpt
        stems = torch.stack([excerpt.stems[name]() for name in sorted(excerpt.stems)])
        gains = 10.0 ** (torch.tensor(params).to(stems) / 20.0)
        change = gains[torch.arange(len(stems)) % MAX_STEMS] - 1.0
        weights = estimate_stem_gains(excerpt.audio, stems) * change[:, None]
        return excerpt._replace(
            audio=excerpt.audio + torch.einsum("nc,nct->ct", weights, stems),
        )


def estimate_stem_gains(mix: Tensor, stems: Tensor) -> Tensor:
    """Estimate the gain [N, C] of each stem in the mix; 0 if it is silent or would be negative.

    mix: [C, T]; stems: [N, C, T].
    """
    rows = stems.transpose(0, 1)  # [C, N, T]
    gram, correlation = (rows @ rows.mT).double(), (rows @ mix[..., None]).double()
    power = mix.square().sum(-1).double()  # [C]
    ridge = torch.eye(len(stems)) * (SILENT_POWER_RATIO * power + 1e-12)[:, None, None]
    return torch.linalg.solve(gram + ridge, correlation)[..., 0].clamp_min(0.0).T.to(mix)
