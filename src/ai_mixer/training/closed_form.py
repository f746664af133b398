"""Fit a `ClosedFormModel` to the examples of the training songs."""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.faults.damage_prior import KINDS, draw_damage
from ai_mixer.metrics.sound_profile import profile
from ai_mixer.models.closed_form import ClosedFormModel, FitExamples


@torch.no_grad()
def fit_closed_form(
    model: ClosedFormModel, data: MixDataModule, neutral: Tensor, seed: int = 0
) -> None:
    """Fit the model to one epoch of training examples, each also with one real damage.

    ValueError if the examples have no audio (cached features).
    """
    rng = np.random.default_rng(seed)
    kinds, songs = list(KINDS), dict[str, int]()
    parts: list[tuple[Tensor, ...]] = []
    for batch in data.train_dataloader():
        if not batch.has_audio:
            raise ValueError(
                f"{type(model).__name__} is fitted to audio, and these batches have features only: "
                "use loader=default"
            )
        numbers = [songs.setdefault(name, len(songs)) for name in batch.song_id]
        damaged = [
            draw_damage(kinds[rng.integers(len(kinds))], rng)(one.expand(2, -1), batch.sample_rate)
            for one in batch.finished.cpu()
        ]
        finished, rough, broken = (
            profile(x.cpu(), batch.sample_rate)
            for x in (batch.finished, batch.rough, torch.stack(damaged))
        )
        parts.append(
            (
                finished,
                torch.tensor(numbers),
                _reference_profiles(batch),
                rough,
                batch.knobs.cpu(),
                batch.mask.cpu(),
                broken,
            )
        )
    model.fit(FitExamples(*map(torch.cat, zip(*parts, strict=True))), neutral.cpu())


def _reference_profiles(batch: Batch) -> Tensor:
    """Profiles of the references, [B, F]; NaN where the condition has no other excerpt."""
    profiles = profile(batch.reference.cpu(), batch.sample_rate)
    other = batch.condition.cpu() == CONDITIONS.index("reference")
    return torch.where(other[:, None], profiles, torch.nan)
