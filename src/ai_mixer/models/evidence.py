"""Evidence: move what is abnormal for finished music, leave alone what is normal.

The profile x of an excerpt (spectrum, width, dynamics) deviates from the mean m of finished music
by the song and by damage. Estimated knobs a that would undo the deviation, by generalised least
squares with the covariance C of finished songs and the response J of the profile to the knobs,

    z = −(J C⁻¹ Jᵀ + I / τ²)⁻¹ J C⁻¹ (x − m),

vary from song to song as a multivariate t distribution p_s (songs have heavy tails). Damage is
known by examples: a change of the profile is a shift d_i of z, and the knobs that undo it are a_i.
With the probability π that a song is damaged at all, Bayes' rule gives the correction

    E[a | z] = Σ w_i a_i,   w_i ∝ π / n · p_s(z − d_i),   w_0 ∝ (1 − π) · p_s(z),

where w_0 is the weight of "nothing is wrong", separately for the knobs of width and all others: a
narrow song is not also dull. (Importance sampling from the prior: Robert and
Casella, "Monte Carlo Statistical Methods", 2004, section 3.3.) With a reference, m is its
profile, and p_s the spread within productions.

z is linear in the profile. What is not is learned by regression on the same examples
(`models.profile_regression`); without a reference, the correction is a mean of both.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.normality import MAX_DEVIATIONS
from ai_mixer.metrics.sound_profile import profile, profile_names
from ai_mixer.models.closed_form import ClosedFormModel, FitExamples
from ai_mixer.models.evidence_fit import N_GROUPS, fit_evidence, regression_examples
from ai_mixer.models.profile_regression import ProfileRegression

BLIND = CONDITIONS.index("blind")
DEGREES_OF_FREEDOM = 5.0


class Evidence(ClosedFormModel):
    """[B, C, T] rough and reference → [B, P] knob positions: neutral plus the correction.

    damage_probability: π, prior probability that a song is damaged; lower moves fewer songs.
    amount: factor on the correction. min_correction: corrections whose largest knob is smaller than
    this share of the range are not made. n_damages: examples of damage that are kept. real_share:
    share of real damage among them; the rest are roughs of the task. regression_share: weight of
    the regression in blind corrections. n_support: examples that the regression keeps. ValueError
    if a share is outside 0–1.
    """

    blind_ranges = "wide"  # of a mix without a reference: only what is abnormal is moved

    mean: Tensor
    std: Tensor
    estimator: Tensor
    precision: Tensor
    groups: Tensor
    shifts: Tensor
    corrections: Tensor
    neutral: Tensor
    fitted: Tensor

    def __init__(
        self,
        n_knobs: int,
        sample_rate: int,
        damage_probability: float = 0.8,
        amount: float = 1.0,
        min_correction: float = 0.0,
        n_damages: int = 2048,
        real_share: float = 1.0,
        regression_share: float = 0.4,
        n_support: int = 4096,
    ) -> None:
        super().__init__()
        for name, share in {
            "damage_probability": damage_probability,
            "real_share": real_share,
            "regression_share": regression_share,
        }.items():
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"evidence: {name} must be 0 to 1, got {share}")
        self.sample_rate, self.real_share = sample_rate, real_share
        self.damage_probability, self.amount = damage_probability, amount
        self.min_correction, self.regression_share = min_correction, regression_share
        size = len(profile_names(sample_rate))
        buffers = {
            "mean": torch.zeros(size),
            "std": torch.ones(size),
            "estimator": torch.zeros(size, n_knobs),
            "precision": torch.eye(n_knobs).repeat(N_GROUPS, len(CONDITIONS), 1, 1),
            "groups": torch.eye(N_GROUPS, 1).expand(-1, n_knobs).clone(),
            "shifts": torch.zeros(n_damages, n_knobs),
            "corrections": torch.zeros(n_damages, n_knobs),
            "neutral": torch.full((n_knobs,), 0.5),
            "fitted": torch.tensor(False),
        }
        for name, values in buffers.items():
            self.register_buffer(name, values)
        self.regression = ProfileRegression(size, n_knobs, n_support)
        # Moves until the model is fitted; its gradient is zero afterwards.
        self.offset = nn.Parameter(torch.zeros(n_knobs))

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        with torch.no_grad():
            source, target = (profile(audio, self.sample_rate) for audio in (rough, reference))
            correction = self.correction(source, target, condition)
        positions = self.neutral + correction + self.offset * (~self.fitted)
        return positions + (positions.clamp(0.0, 1.0) - positions).detach()

    def deviations(self, audio: Tensor) -> Tensor:
        """Profiles of audio [B, C, T] over the mean of finished music: [B, F], dB."""
        return profile(audio, self.sample_rate) - self.mean

    def estimate(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """z: knobs that would undo the deviation from what is normal: profiles [B, F] → [B, P]."""
        centre = torch.where(condition[:, None] == BLIND, self.mean, reference)
        limit = MAX_DEVIATIONS * self.std
        return (rough - centre).clamp(-limit, limit) @ self.estimator

    def correction(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """The correction that is made, as a share of the range of each knob.

        rough, reference: profiles [B, F]; condition: [B]. Returns [B, P].
        """
        expected = self.expected_correction(self.estimate(rough, reference, condition), condition)
        share = self.regression_share * (condition == BLIND)[:, None]
        correction = self.amount * torch.lerp(expected, self.regression(rough), share.to(expected))
        correction = torch.clamp(correction, -self.neutral, 1.0 - self.neutral)
        large = correction.abs().amax(1, keepdim=True) >= self.min_correction
        return torch.where(large, correction, 0.0)

    def expected_correction(self, estimate: Tensor, condition: Tensor) -> Tensor:
        """E[a | z] for estimates [B, P]: [B, P]."""
        odds = torch.tensor([1.0 - self.damage_probability, self.damage_probability]).to(estimate)
        correction = torch.zeros_like(estimate)
        for precision, group in zip(self.precision[:, condition], self.groups, strict=True):
            size = float(group.sum())
            nothing = _log_density(estimate[:, None], precision, size)
            damaged = _log_density(estimate[:, None] - self.shifts, precision, size)
            logits = torch.cat(
                [nothing + odds[0].log(), damaged + (odds[1] / len(self.shifts)).log()], 1
            )
            correction = correction + logits.softmax(1)[:, 1:] @ (self.corrections * group)
        return correction

    def fit(self, examples: FitExamples, neutral: Tensor) -> None:
        """Fit to examples of the training songs; see `evidence_fit`."""
        fitted = fit_evidence(examples, neutral, len(self.shifts), self.real_share)
        for name, values in fitted._asdict().items():
            getattr(self, name).copy_(values)
        self.regression.fit(*regression_examples(examples, neutral, self.real_share))
        self.fitted.fill_(True)


def _log_density(z: Tensor, precision: Tensor, size: float) -> Tensor:
    """Log density of the t distribution of `size` knobs, up to a constant.

    z: [B, n, P]; precision: [B, P, P], 0 for other knobs. Returns [B, n].
    """
    squared = torch.einsum("bnp,bpq,bnq->bn", z, precision, z)
    half = 0.5 * (DEGREES_OF_FREEDOM + size)
    return -half * torch.log1p(squared / DEGREES_OF_FREEDOM)
