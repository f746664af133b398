"""The published audio spectrogram transformer (AST), pretrained on AudioSet.

Gong, Chung & Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021: overlapping patches of
a log-mel spectrogram, two summary tokens, 12 layers of the "base" vision transformer. Weights:
`audioset_weights.py` (trained on two million clips). Its input is 16 kHz mono, and it represents
neither stereo width nor levels per band, so models use it together with their statistics.
"""

import math

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS
from ai_mixer.dsp.resample import resample
from ai_mixer.models.kaldi_features import KaldiLogMel

WIDTH, DEPTH, HEADS = 768, 12, 12
RATE, BANDS, FRAMES = 16000, 128, 1024  # the training input: 10.24 s
PATCH, STRIDE = 16, 10  # in bands and in frames
MEAN, SCALE = -4.2677393, 2 * 4.5689974  # of AudioSet's log-mel bands, as published
ROWS, COLUMNS = ((length - PATCH) // STRIDE + 1 for length in (BANDS, FRAMES))
BLIND = CONDITIONS.index("blind")


class AudioSetEncoder(nn.Module):
    """[B, C, T] at `sample_rate` → embedding [B, WIDTH].

    Excerpts shorter than 10.24 s use the middle of the learned time positions, as the paper's code
    does; longer ones are split into windows of 10.24 s whose embeddings are averaged. Weights are
    random until they are loaded.
    """

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.log_mel = KaldiLogMel(RATE, BANDS)
        self.patches = nn.Conv2d(1, WIDTH, PATCH, stride=STRIDE)
        self.summaries = nn.Parameter(torch.randn(1, 2, WIDTH) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 2 + ROWS * COLUMNS, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", 1e-12, batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.TransformerEncoder(layer, DEPTH, norm, enable_nested_tensor=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Mean of the two summary tokens over the windows of the excerpt."""
        spectrogram = self.spectrogram(audio)
        frames = spectrogram.shape[-1]
        starts = torch.linspace(0, max(0, frames - FRAMES), math.ceil(frames / FRAMES)).long()
        windows = [self._embed(spectrogram[..., s : s + FRAMES]) for s in starts.tolist()]
        return torch.stack(windows).mean(0)

    def spectrogram(self, audio: Tensor) -> Tensor:
        """Input of the network: [B, C, T] → [B, BANDS, frames], padded to at least one patch."""
        with torch.autocast(audio.device.type, enabled=False):  # half precision is too coarse here
            mono = resample(audio.float().mean(1), self.sample_rate, RATE)
            shortest = self.log_mel.frame + (PATCH - 1) * self.log_mel.hop
            mono = nn.functional.pad(mono, (0, max(0, shortest - mono.shape[-1])))
            return (self.log_mel(mono) - MEAN) / SCALE

    def _embed(self, spectrogram: Tensor) -> Tensor:
        """[B, BANDS, frames] → [B, WIDTH]."""
        grid = self.patches(spectrogram[:, None])  # [B, WIDTH, ROWS, columns]
        columns = grid.shape[-1]
        first = COLUMNS // 2 - columns // 2
        positions = self.positions[:, 2:].view(1, ROWS, COLUMNS, WIDTH)
        positions = positions[:, :, first : first + columns]
        tokens = grid.flatten(2).transpose(1, 2) + positions.flatten(1, 2)
        summaries = (self.summaries + self.positions[:, :2]).expand(len(spectrogram), -1, -1)
        return self.layers(torch.cat([summaries, tokens], dim=1))[:, :2].mean(1)


class AudioSetBranch(nn.Module):
    """[B, C, T] rough and reference, condition [B] → [B, width], by one shared encoder.

    The reference of a blind item is not encoded: its embedding is zero. trainable: fine-tune the
    encoder; the layers after it are always trained.
    """

    def __init__(self, sample_rate: int, width: int, dropout: float, trainable: bool) -> None:
        super().__init__()
        self.encoder = AudioSetEncoder(sample_rate).requires_grad_(trainable)
        self.read = nn.Sequential(
            nn.Linear(2 * WIDTH, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """Features of the two embeddings."""
        given = condition != BLIND
        both = torch.cat([rough, reference[given]])
        # A batch holds the same excerpt under several conditions: encode each excerpt once.
        distinct, index = torch.unique(both, dim=0, return_inverse=True)
        embeddings = self.encoder(distinct)[index]
        of_reference = embeddings.new_zeros(len(rough), embeddings.shape[1])
        of_reference[given] = embeddings[len(rough) :]
        return self.read(torch.cat([embeddings[: len(rough)], of_reference], dim=1))
