"""`rough`: do nothing."""

from ai_mixer.core.types import Batch
from ai_mixer.evaluation.baselines.system import Answer, System


class Rough(System):
    """The rough as it is; every closeness is measured from here."""

    listens = False
    only_level = True

    def mix(self, batch: Batch, condition: str) -> Answer:
        """The rough itself."""
        return Answer(batch.rough)
