"""Multi-resolution STFT loss on mid and side.

Multi-resolution STFT: Yamamoto et al., "Parallel WaveGAN", ICASSP 2020, eqs. 3–6 (spectral
convergence and log magnitude), by auraloss (Steinmetz & Reiss, DMRN+15, 2020). Mid and side:
Steinmetz et al., "Automatic multitrack mixing with a differentiable mixing console", ICASSP 2021.
"""

import math
from collections.abc import Sequence

import torch
from auraloss.freq import SpectralConvergenceLoss, STFTMagnitudeLoss
from torch import Tensor

from ai_mixer.core.types import Batch, Prediction
from ai_mixer.dsp.spectra import magnitude, mid_side, noise_magnitude
from ai_mixer.losses.term import LossTerm, check_mix


class PerceptualLoss(LossTerm):
    """Spectral convergence plus mean log-magnitude distance; about 1 to 2 for neutral knobs.

    Averaged over resolutions (windows in samples, hop a quarter) and over mid and side. Magnitudes
    are at least those of white noise at `floor_db`. Spectral convergence is relative to the
    finished version, but at least to `side_floor_db` under the louder of mid and side and to noise
    at `quiet_db`: the loss of near-mono songs would otherwise be dominated by their quiet side.
    """

    def __init__(
        self,
        resolutions: Sequence[int] = (512, 2048, 8192),
        floor_db: float = -90.0,
        side_floor_db: float = -20.0,
        quiet_db: float = -60.0,
    ) -> None:
        super().__init__()
        self.resolutions = tuple(resolutions)
        self.floor_db, self.quiet_db = floor_db, quiet_db
        self.side_floor = 10.0 ** (side_floor_db / 20.0)
        self.convergence = SpectralConvergenceLoss()
        self.log_magnitude = STFTMagnitudeLoss(log=True)

    def forward(self, prediction: Prediction, mix: Tensor | None, batch: Batch) -> Tensor:
        """mix: [B, C, T]. Returns [], dimensionless."""
        views, target = mid_side(check_mix(mix, batch)), mid_side(batch.finished)
        distances = [self._distance(views, target, n_fft) for n_fft in self.resolutions]
        return torch.stack(distances).mean()

    def _distance(self, views: Tensor, target: Tensor, n_fft: int) -> Tensor:
        floor = noise_magnitude(n_fft, self.floor_db)
        x = magnitude(views, n_fft, n_fft // 4, floor)  # [B, views, bins, frames]
        y = magnitude(target, n_fft, n_fft // 4, floor)
        # auraloss computes one norm over its whole input: call it for each view of each song.
        convergence = torch.stack(
            [self.convergence(*pair) for pair in zip(x.flatten(0, 1), y.flatten(0, 1), strict=True)]
        )
        return (convergence * self._relative_weight(y, n_fft)).mean() + self.log_magnitude(x, y)

    def _relative_weight(self, y: Tensor, n_fft: int) -> Tensor:
        """Factor [B · views] ≤ 1 from an error relative to y to one relative to y or its floor."""
        norm = torch.linalg.vector_norm(y, dim=(-2, -1))
        quiet = noise_magnitude(n_fft, self.quiet_db) * math.sqrt(y[0, 0].numel())
        floor = (self.side_floor * norm.amax(1, keepdim=True)).clamp_min(quiet)
        return (norm / norm.maximum(floor)).flatten()
