"""The patient style: a sequence model over the song, at several time scales at once.

The song is read as a text in three hands: words of 0.2 s (hits), of 0.7 s (beats) and of 3 s
(phrases), each the average of what happens in it. Short excerpts are mostly hits, long ones mostly
phrases: a hand is written no finer than 512 words a song, so that a whole song costs no more than
95 s of it.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.positional_encoding import time_positional_encoding
from ai_mixer.models.two_branch import TwoBranchModel

FRAMES_PER_TOKEN = (2, 8, 32)  # frames of 93 ms in a word
MAX_TOKENS = 512  # words of one hand


class Transformer(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions; excerpts from 0.1 s to whole songs.

    width: of a word, even and a multiple of `heads`; depth: layers.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        width: int = 96,
        depth: int = 3,
        heads: int = 4,
        features: int = 128,
        dropout: float = 0.1,
        n_mels: int = 96,
        genre: bool = False,
    ) -> None:
        feature_extractor = FeatureExtractor(sample_rate, n_mels)
        super().__init__(n_knobs, feature_extractor, width, features, dropout, genre)
        # Mean and spread within a word of every mel band of every picture.
        self.spell = nn.ModuleList(
            nn.Linear(2 * LOG_MEL_CHANNELS * n_mels, width) for _ in FRAMES_PER_TOKEN
        )
        self.hand = nn.Parameter(torch.randn(len(FRAMES_PER_TOKEN), 1, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.reader = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.question = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.head = KnobHead(width + features, n_knobs)

    def backbone(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, width]: what the question finds in the text."""
        tracks = log_mel.flatten(1, 2)
        hands = zip(FRAMES_PER_TOKEN, self.spell, self.hand, strict=True)
        text = [
            self._add_positions(spell(pool_tokens(tracks, frames))) + hand
            for frames, spell, hand in hands
        ]
        question = self.question.expand(len(log_mel), -1, -1)
        return self.reader(torch.cat([question, *text], dim=1))[:, 0]

    @staticmethod
    def _add_positions(spelled: Tensor) -> Tensor:
        """[B, words, width], each word knowing its place."""
        return spelled + time_positional_encoding(spelled.transpose(1, 2)[:, :, None])[:, 0].T


def pool_tokens(tracks: Tensor, frames: int) -> Tensor:
    """Mean and spread of each word: [B, tracks, N] → [B, ⌈N/frames⌉ or 512, 2 · tracks].

    What is left over at the end is a word of its own.
    """
    frames = max(frames, -(-tracks.shape[-1] // MAX_TOKENS))
    mean, power = (
        nn.functional.avg_pool1d(x, frames, ceil_mode=True) for x in (tracks, tracks.square())
    )
    # The square root has no slope at 0, where a word is a single frame.
    spread = (power - mean.square()).clamp_min(1e-6).sqrt()
    return torch.cat([mean, spread], dim=1).transpose(1, 2)
