"""A toy model: one linear layer on the statistics of an excerpt."""

from torch import Tensor, nn

from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.models.heads import KnobHead


class Toy(nn.Module):
    """[B, C, T] rough and reference → [B, P] knob positions."""

    def __init__(self, n_knobs: int, sample_rate: int, n_mels: int = 16) -> None:
        super().__init__()
        self.front_end = FeatureExtractor(sample_rate, n_mels=n_mels)
        self.head = KnobHead(self.front_end.n_statistics, n_knobs)

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        return self.head(self.front_end(rough, reference, condition)[1])
