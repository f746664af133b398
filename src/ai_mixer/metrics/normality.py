"""Normality: the joint distribution of the profiles of finished music, and deviations from it.

A normal distribution with a shrunk covariance: Ledoit & Wolf, "A well-conditioned estimator for
large-dimensional covariance matrices", 2004. The amount of a known change in one profile is the
generalised least-squares estimate dᵀC⁻¹(x − m) / dᵀC⁻¹d, whose standard deviation over finished
music is (dᵀC⁻¹d)^(−1/2): Kay, "Fundamentals of Statistical Signal Processing: Estimation Theory",
1993, section 4.5. In a direction in which finished songs differ much, a deviation means little.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor

MAX_DEVIATIONS = 4.0  # robust standard deviations of a value from the median; further is cut
MIN_STD_DB = 0.5
MIN_SHRINKAGE = 0.2  # songs of another source differ more than those of the same one


class Normality(NamedTuple):
    """Mean [F], robust standard deviation [F] and covariance [F, F] of profiles, float64."""

    mean: Tensor
    std: Tensor
    covariance: Tensor

    @classmethod
    def fit(cls, profiles: Tensor, min_shrinkage: float = MIN_SHRINKAGE) -> Self:
        """Fit to profiles [N, F] of finished songs. ValueError for less than two."""
        from sklearn.covariance import ledoit_wolf_shrinkage, shrunk_covariance

        if len(profiles) < 2:
            raise ValueError(f"normality needs two songs or more, got {len(profiles)}")
        rows = profiles.double()
        median = rows.median(0).values
        std = (1.4826 * (rows - median).abs().median(0).values).clamp_min(MIN_STD_DB)
        standard = ((rows - median) / std).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS).numpy()
        centred = standard - standard.mean(0)
        shrinkage = max(min_shrinkage, ledoit_wolf_shrinkage(centred, assume_centered=True))
        covariance = shrunk_covariance(centred.T @ centred / len(centred), shrinkage)
        scaled = torch.from_numpy(covariance) * std[:, None] * std
        return cls(median + std * torch.from_numpy(standard.mean(0)), std, scaled)

    def deviations(self, profiles: Tensor) -> Tensor:
        """Profiles [..., F] minus the mean, cut at `MAX_DEVIATIONS`."""
        limit = MAX_DEVIATIONS * self.std
        return (profiles.double() - self.mean).clamp(-limit, limit)

    def amount(self, profiles: Tensor, direction: Tensor, part: Tensor) -> Tensor:
        """Estimated amount of a change in profiles [..., F]: [...], in units of the direction.

        direction: change of the profile per unit of the amount, [F]. part: indices of the values
        that are used.
        """
        used = direction.double()[part]
        weights = torch.linalg.solve(self.covariance[part][:, part], used)
        return self.deviations(profiles)[..., part] @ weights / (used @ weights)
