"""Audio spectrogram transformer (AST) for stereo input at 44.1 kHz, trained from scratch.

After Gong, Chung & Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021: patches of a
spectrogram are the tokens, and a class token aggregates them. Here the log-mel spectrogram has six
channels (rough, reference and their difference, each mid and side), and the class token is computed
from the statistics of the excerpt instead of being a constant, so a few songs suffice to learn the
easy knobs.

`encoder="audioset"` replaces the small transformer with the authors' pretrained network. The
statistics are used with it too: it represents neither stereo width nor exact level.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import Features
from ai_mixer.models.audioset_encoder import AudioSetBranch
from ai_mixer.models.encoders import AUDIOSET, choose_encoder
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead, PerConditionHead
from ai_mixer.models.log_mel import LOG_MEL_CHANNELS
from ai_mixer.models.positional_encoding import time_positional_encoding
from ai_mixer.models.two_branch import TwoBranchModel


class ASTRegressor(TwoBranchModel):
    """[B, C, T] rough and reference → [B, P] knob positions.

    width: token size; depth: number of transformer layers; patch: side of a square patch in mels
    and frames. Accepts any excerpt length: time positions are sinusoidal.

    encoder: None, or "audioset" for the pretrained encoder. encoder_fallback: "scratch" uses the
    small transformer if the pretrained weights are unavailable; with None that is a ValueError.
    encoder_trainable: fine-tune the encoder. encoder_pretrained: False builds the encoder without
    loading weights, for a saved model whose weights are loaded afterwards.

    Attributes: `tags` describe the encoder that was built; `rebuild_config` holds the config values
    with which the model can be rebuilt from its own file.
    """

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        width: int = 128,
        depth: int = 3,
        heads: int = 4,
        patch: int = 16,
        dropout: float = 0.1,
        n_mels: int = 96,
        encoder: str | None = None,
        encoder_fallback: str | None = None,
        encoder_trainable: bool = False,
        encoder_pretrained: bool = True,
        genre: bool = False,
    ) -> None:
        if n_mels % patch or width % heads:
            raise ValueError(
                f"ast_regressor: n_mels={n_mels} must be a multiple of patch={patch}, "
                f"and width={width} of heads={heads}"
            )
        super().__init__(
            n_knobs, FeatureExtractor(sample_rate, n_mels), width, width, dropout, genre
        )
        chosen = choose_encoder(encoder, encoder_fallback, encoder_pretrained)
        self.tags, self.rebuild_config = {"model.encoder": chosen.tag}, chosen.rebuild_config
        self.patch = patch
        self.listener: AudioSetBranch | None = None
        if chosen.name == AUDIOSET:
            self.listener = AudioSetBranch(sample_rate, width, dropout, encoder_trainable)
            if chosen.weights is not None:
                self.listener.encoder.load_state_dict(chosen.weights)
        else:
            self.to_tokens = nn.Conv2d(LOG_MEL_CHANNELS, width, patch, stride=patch)
            self.band_position = nn.Parameter(torch.randn(width, n_mels // patch, 1) * 0.02)
            layer = nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = PerConditionHead(KnobHead, 2 * width, n_knobs)

    @property
    def feature_config(self) -> tuple[int, ...]:
        """See `TwoBranchModel`. Empty with the pretrained encoder, which cannot use cached ones."""
        return super().feature_config if self.listener is None else ()

    def extract(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Features:
        """See `TwoBranchModel`. The pretrained encoder has its own input features: `log_mel` then
        holds the audio of rough and reference, [B, 2, C, T].
        """
        log_mel, statistics = self.front_end(rough, reference, condition)
        if self.listener is not None:
            log_mel = torch.stack([rough, reference], dim=1)
        return Features(log_mel, statistics)

    def predict_knobs(
        self, backbone_features: Tensor, statistics_features: Tensor, condition: Tensor
    ) -> Tensor:
        """One head per condition: [B, width], [B, width] → [B, P]."""
        return self.head(
            torch.cat([backbone_features, statistics_features], dim=-1), condition=condition
        )

    def encode(self, features: Features, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Output of the class token, and the statistics features it is computed from: [B, width]
        each.
        """
        class_token = self.statistics(features.statistics, condition)
        if self.listener is not None:
            return self.listener(*features.log_mel.unbind(1), condition), class_token
        tokens = torch.cat([class_token[:, None], self._patches(features.log_mel)], dim=1)
        return self.encoder(tokens)[:, 0], class_token

    def _patches(self, log_mel: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, tokens, width]; a short last patch is padded with zeros."""
        log_mel = nn.functional.pad(log_mel, (0, -log_mel.shape[-1] % self.patch))
        grid = self.to_tokens(log_mel)  # [B, width, bands, steps]
        grid = grid + self.band_position + time_positional_encoding(grid)
        return grid.flatten(2).transpose(1, 2)
