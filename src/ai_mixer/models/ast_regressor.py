"""A small stereo-aware spectrogram transformer, trained from scratch at 44.1 kHz.

After Gong, Chung & Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021: patches of a
spectrogram become tokens, a class token gathers the answer. Here the picture has six layers (rough,
reference and their difference, each mid and side) and the class token starts from the statistics of
the excerpt instead of from a constant, so a few songs suffice to learn the easy knobs.

With `encoder="audioset"` the authors' own pretrained network listens in place of the small one; the
statistics stay, for it hears neither width nor exact level.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import Heard
from ai_mixer.models.audioset_encoder import AudioSetListener
from ai_mixer.models.encoders import AUDIOSET, choose
from ai_mixer.models.feature_extractor import FrontEnd
from ai_mixer.models.heads import KnobHead, PerCondition
from ai_mixer.models.log_mel import PICTURES
from ai_mixer.models.positional_encoding import time_position
from ai_mixer.models.two_branch import Observer


class ASTRegressor(Observer):
    """[B, C, T] rough and reference → [B, P] knob positions.

    width: token size; depth: transformer layers; patch: side of a square patch in mels and frames.
    Any excerpt length works: time positions are sinusoidal.
    encoder: None, or "audioset" for the pretrained one; encoder_fallback: "scratch" goes on without
    it where it cannot be had, else that is a ValueError; encoder_trainable: fine-tune it;
    encoder_pretrained: False builds it without weights, to be filled from a saved model. `tags` say
    what was built, `settled` what of the config makes it again from its own file.
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
        super().__init__(n_knobs, FrontEnd(sample_rate, n_mels), width, width, dropout, genre)
        chosen = choose(encoder, encoder_fallback, encoder_pretrained)
        self.tags, self.settled = {"model.encoder": chosen.tag}, chosen.settled
        self.patch = patch
        self.listener: AudioSetListener | None = None
        if chosen.name == AUDIOSET:
            self.listener = AudioSetListener(sample_rate, width, dropout, encoder_trainable)
            if chosen.weights is not None:
                self.listener.encoder.load_state_dict(chosen.weights)
        else:
            self.to_tokens = nn.Conv2d(PICTURES, width, patch, stride=patch)
            self.band_position = nn.Parameter(torch.randn(width, n_mels // patch, 1) * 0.02)
            layer = nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = PerCondition(KnobHead, 2 * width, n_knobs)

    @property
    def ears(self) -> tuple[int, ...]:
        """As all; none that were kept will do for the pretrained network."""
        return super().ears if self.listener is None else ()

    def hear(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Heard:
        """As all do; the pretrained network has ears of its own and gets the audio instead."""
        pictures, statistics = self.front_end(rough, reference, condition)
        if self.listener is not None:
            pictures = torch.stack([rough, reference], dim=1)
        return Heard(pictures, statistics)

    def decide(self, seen: Tensor, read: Tensor, condition: Tensor) -> Tensor:
        """Each condition by a head of its own: [B, width] twice → [B, P]"""
        return self.head(torch.cat([seen, read], dim=-1), condition=condition)

    def look(self, heard: Heard, condition: Tensor) -> tuple[Tensor, Tensor]:
        """What the class token gathers, and the statistics it started from: [B, width] each."""
        summary = self.statistics(heard.statistics, condition)
        if self.listener is None:
            return self._gather(summary, heard.pictures), summary
        return self.listener(*heard.pictures.unbind(1), condition), summary

    def _gather(self, summary: Tensor, pictures: Tensor) -> Tensor:
        """What the class token, the summary, finds in the pictures: [B, width]."""
        tokens = torch.cat([summary[:, None], self._patches(pictures)], dim=1)
        return self.encoder(tokens)[:, 0]

    def _patches(self, pictures: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, tokens, width]; a short last patch is padded with zeros."""
        pictures = nn.functional.pad(pictures, (0, -pictures.shape[-1] % self.patch))
        grid = self.to_tokens(pictures)  # [B, width, bands, steps]
        grid = grid + self.band_position + time_position(grid)
        return grid.flatten(2).transpose(1, 2)
