"""Loss on dynamics: crest factor and loudness range."""

from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.dsp.levels import crest_db
from ai_mixer.dsp.loudness import BLOCK_S, loudness_range_lu
from ai_mixer.losses.term import LossTerm, check_mix


class DynamicsLoss(LossTerm):
    """|Δ crest factor| + |Δ loudness range| in dB; insensitive to gain.

    Loudness range of EBU Tech 3342, but on blocks of 400 ms, so that it is defined for excerpts of
    a few seconds; for excerpts shorter than `range_from_s` the crest factor alone.
    """

    def __init__(self, range_from_s: float = 2.0) -> None:
        super().__init__()
        self.range_from_s = range_from_s

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns [], dB."""
        mix, target, rate = check_mix(mix, batch), batch.finished, batch.sample_rate
        error = (crest_db(mix) - crest_db(target)).abs()
        if mix.shape[-1] >= self.range_from_s * rate:
            ranges = [loudness_range_lu(x, rate, block_s=BLOCK_S) for x in (mix, target)]
            error = error + (ranges[0] - ranges[1]).abs()
        return error.mean()
