"""Transformer over time, at three time scales at once.

The log-mel spectrogram is pooled to tokens of 0.2 s (transients), 0.7 s (beats) and 3 s (phrases).
Each scale has at most 512 tokens: in longer excerpts its tokens get longer, so that a whole song
costs no more than 95 s of it.
"""

import torch
from torch import Tensor, nn

from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.positional_encoding import time_positional_encoding
from ai_mixer.models.two_branch import TwoBranchModel

FRAMES_PER_TOKEN = (2, 8, 32)  # frames of 93 ms
MAX_TOKENS = 512  # per time scale


class Transformer(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions; excerpts from 0.1 s to whole songs.

    width: token size, even and a multiple of `heads`. depth: number of layers.
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
        # Mean and standard deviation of every mel band of every channel within a token.
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
        """[B, 6, mels, frames] → [B, width], the output of the class token."""
        bands = log_mel.flatten(1, 2)
        scales = zip(FRAMES_PER_TOKEN, self.spell, self.hand, strict=True)
        tokens = [
            self._add_positions(embedding(pool_tokens(bands, frames))) + scale_embedding
            for frames, embedding, scale_embedding in scales
        ]
        class_token = self.question.expand(len(log_mel), -1, -1)
        return self.reader(torch.cat([class_token, *tokens], dim=1))[:, 0]

    @staticmethod
    def _add_positions(tokens: Tensor) -> Tensor:
        """[B, tokens, width] → the same shape."""
        return tokens + time_positional_encoding(tokens.transpose(1, 2)[:, :, None])[:, 0].T


def pool_tokens(bands: Tensor, frames: int) -> Tensor:
    """Mean and standard deviation over every `frames` frames: [B, M, N] → [B, tokens, 2 · M].

    There are ⌈N/frames⌉ tokens (the last may be shorter), or at most MAX_TOKENS longer ones.
    """
    frames = max(frames, -(-bands.shape[-1] // MAX_TOKENS))
    mean, power = (
        nn.functional.avg_pool1d(x, frames, ceil_mode=True) for x in (bands, bands.square())
    )
    # The gradient of the square root is infinite at 0, the variance of a token of one frame.
    deviation = (power - mean.square()).clamp_min(1e-6).sqrt()
    return torch.cat([mean, deviation], dim=1).transpose(1, 2)
