"""The engineer at the analyser: compares two curves and looks at no picture.

A small perceptron over a few hundred numbers. Of the long-term levels it reads the rough's when
blind, and only by how much they differ where something is given: what is the same in both is the
song, which a network learns by heart where there are few. For the same reason neighbouring bands
are read together, and echoes, which tell of two knobs alone, softly (docs/decisions/0035).
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from ai_mixer.core.types import Heard
from ai_mixer.models.feature_extractor import BLIND, FrontEnd
from ai_mixer.models.heads import KnobHead, PerCondition
from ai_mixer.models.two_branch import Observer

LOUDER, SOFTER = 2.0, 0.1  # long-term levels, echoes: a feature's size is its speed of learning


class Analyser(Observer):
    """[B, C, T] rough and reference → [B, P] knob positions.

    features: width of the perceptron; mels_a_band: neighbouring mel bands that are read as one, a
    divisor of n_mels. ValueError if it is none.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        features: int = 128,
        mels_a_band: int = 3,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        if mels_a_band < 1 or n_mels % mels_a_band:
            raise ValueError(f"analyser: mels_a_band={mels_a_band} must divide n_mels={n_mels}")
        ears = FrontEnd(sample_rate, n_mels)
        bands, levels = ears.sizes["long_term"] // (3 * mels_a_band), 2 * ears.sizes["levels"] // 3
        rest = (ears.sizes[name] for name in ("measured", "compressor", "echoes"))
        n_read = bands + levels + sum(rest)
        super().__init__(n_knobs, ears, 0, features, dropout, genre, n_read)
        self.mels_a_band = mels_a_band
        self.head = PerCondition(KnobHead, features, n_knobs)

    def look(self, heard: Heard, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, [B, 0], and what the compared statistics say, [B, features]."""
        compared = self.compared(heard.statistics, condition)
        return compared[:, :0], self.statistics(compared, condition)

    def decide(self, seen: Tensor, read: Tensor, condition: Tensor) -> Tensor:
        """Each condition by a head of its own: [B, features] → [B, P]"""
        return self.head(read, condition=condition)

    def compared(self, statistics: Tensor, condition: Tensor) -> Tensor:
        """Of all statistics [B, S] those that are read: [B, n_read].

        Long-term levels of mid and side in bands (the rough's when blind, else the difference);
        levels by quantile of the rough, and their difference; what was measured; echoes.
        """
        parts = self.front_end.parts(statistics)
        rough, _, difference = parts["long_term"].chunk(3, 1)
        long_term = torch.where(condition[:, None] == BLIND, rough, difference)
        levels, _, level_difference = parts["levels"].chunk(3, 1)
        read = [
            LOUDER * avg_pool1d(long_term, self.mels_a_band),
            levels,
            level_difference,
            parts["measured"],
            parts["compressor"],
            SOFTER * parts["echoes"],
        ]
        return torch.cat(read, dim=1)
