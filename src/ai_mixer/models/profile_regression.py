"""Regression of knobs on the profile of a sound, by a Gaussian process.

Mean of the posterior with a squared exponential kernel (Rasmussen & Williams, Gaussian Processes
for Machine Learning, 2006, equation 2.25): y(x) = k(x)ᵀ (K + σ² I)⁻¹ Y, which is kernel ridge
regression. Profiles are standardised; distances are per value of the profile.
"""

import torch
from torch import Tensor, nn

MIN_STD = 1e-6


class ProfileRegression(nn.Module):
    """[B, F] profiles → [B, P] offsets of the knobs from neutral; 0 until it is fitted.

    size: examples that are kept; of more, evenly spaced ones. kernel_scale: γ of
    exp(−γ · mean squared distance). noise_variance: σ², in units of the kernel.
    """

    mean: Tensor
    std: Tensor
    support: Tensor
    weights: Tensor

    def __init__(
        self,
        n_values: int,
        n_knobs: int,
        size: int,
        kernel_scale: float = 2.0,
        noise_variance: float = 1.0,
    ) -> None:
        super().__init__()
        self.kernel_scale, self.noise_variance = kernel_scale, noise_variance
        self.register_buffer("mean", torch.zeros(n_values))
        self.register_buffer("std", torch.ones(n_values))
        self.register_buffer("support", torch.zeros(size, n_values))
        self.register_buffer("weights", torch.zeros(size, n_knobs))

    def fit(self, profiles: Tensor, offsets: Tensor) -> None:
        """Fit to profiles [N, F] and the offsets [N, P] that undo what is wrong with them."""
        kept = min(len(self.support), len(profiles))
        rows = torch.arange(kept) * len(profiles) // kept
        x, y = profiles[rows].double(), offsets[rows].double()
        mean, std = x.mean(0), x.std(0).clamp_min(MIN_STD)
        x = (x - mean) / std
        noise = self.noise_variance * torch.eye(kept).double()
        weights = torch.linalg.solve(self._kernel(x, x) + noise, y)
        self.mean.copy_(mean)
        self.std.copy_(std)
        for buffer, values in ((self.support, x), (self.weights, weights)):
            buffer.zero_()
            buffer[:kept] = values

    def forward(self, profiles: Tensor) -> Tensor:
        """[B, F] → [B, P]."""
        return self._kernel((profiles - self.mean) / self.std, self.support) @ self.weights

    def _kernel(self, x: Tensor, y: Tensor) -> Tensor:
        distance = torch.cdist(x, y).square() / x.shape[1]
        return torch.exp(-self.kernel_scale * distance)
