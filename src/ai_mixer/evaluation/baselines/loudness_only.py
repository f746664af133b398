"""`loudness_only`: bring the rough to the loudness of what is heard, and nothing else."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch
from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput, conditioning_audio

BLIND_TARGET_LUFS = -14.0  # what it aims at when it hears no other version
MAX_GAIN_DB = 60.0  # silence is not made loud


class LoudnessOnly(ComparedSystem):
    """rough · 10^((L(heard) − L(rough)) / 20), integrated loudness; blind it aims at −14 LUFS.

    No limiter: its peaks go where the loudness takes them.
    """

    changes_level_only = True

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """The rough, louder or softer."""
        now = loudness_lufs(batch.rough, batch.sample_rate)
        gap = self._target(batch, condition) - now
        gain = db_to_ratio(gap.clamp(-MAX_GAIN_DB, MAX_GAIN_DB))
        return SystemOutput(batch.rough * gain[:, None, None])

    def _target(self, batch: Batch, condition: str) -> Tensor:
        other = conditioning_audio(batch, condition)
        if other is None:
            return torch.full((len(batch),), BLIND_TARGET_LUFS)
        return loudness_lufs(other, batch.sample_rate)
