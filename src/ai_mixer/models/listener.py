"""What a model says of what it hears: hearing and answering are two steps.

Hearing holds no weights, so what was heard can be kept (`data/kept.py`), shared by the members of
an ensemble, and asked again.
"""

from torch import Tensor, nn

from ai_mixer.types import Batch, Heard, Prediction


class Listener(nn.Module):
    """[B, C, T] rough and reference → [B, P] knob positions, by way of what was heard."""

    @property
    def ears(self) -> tuple[int, ...]:
        """What is heard of a sound; where these are equal, one model may learn from another's."""
        raise NotImplementedError

    def hear(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Heard:
        """[B, C, T], [B, C, T], [B] → pictures and statistics. Nothing here is learned."""
        raise NotImplementedError

    def answer(self, heard: Heard, condition: Tensor) -> Prediction:
        """Knobs, how far off they may be, and the genre if it was asked for."""
        raise NotImplementedError

    def forward(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Tensor:
        """[B, C, T], [B, C, T], [B] → [B, P] in 0–1."""
        return self.answer(self.hear(rough, reference, condition), condition).knobs


def ask(model: nn.Module, batch: Batch) -> Prediction:
    """What a model says of a batch; one that only sets knobs says nothing else."""
    if not isinstance(model, Listener):
        return Prediction(model(batch.rough, batch.reference, batch.condition))
    heard = batch.heard or model.hear(batch.rough, batch.reference, batch.condition)
    return model.answer(heard, batch.condition)
