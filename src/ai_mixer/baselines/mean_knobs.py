"""`mean_knobs`: always the mean of the training targets; knob skill is measured from here."""

from torch import Tensor

from ai_mixer.baselines.system import KnobSystem
from ai_mixer.types import Batch


class MeanKnobs(KnobSystem):
    """The same settings for every song."""

    listens = False

    def knobs(self, batch: Batch, condition: str) -> Tensor:
        """The means, [B, P]; knobs that were never trained at neutral."""
        return self.mixer.hold_untrained(self.mixer.mean_knobs.expand_as(batch.knobs))
