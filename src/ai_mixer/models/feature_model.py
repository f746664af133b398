"""What a model says of what it hears: hearing and answering are two steps.

Hearing holds no weights, so what was heard can be kept (`data/kept.py`), shared by the members of
an ensemble, and asked again.
"""

from torch import Tensor, nn

from ai_mixer.core.types import Batch, Heard, Prediction


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
    """What a model says of a batch, of what was heard before where that is what it holds."""
    if batch.heard is not None and isinstance(model, Listener):
        return model.answer(batch.heard, batch.condition)
    return listen(model, batch.rough, batch.reference, batch.condition)


def listen(model: nn.Module, rough: Tensor, reference: Tensor, condition: Tensor) -> Prediction:
    """What a model says of audio; one that only sets knobs says nothing else."""
    if isinstance(model, Listener):
        return model.answer(model.hear(rough, reference, condition), condition)
    return Prediction(model(rough, reference, condition))
