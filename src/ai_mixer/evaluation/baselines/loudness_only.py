"""`loudness_only`: match the loudness of the conditioning audio, and nothing else."""

import torch
from torch import Tensor

from ai_mixer.core.types import Batch, Condition
from ai_mixer.core.units import db_to_ratio
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput, conditioning_audio

BLIND_TARGET_LUFS = -14.0
MAX_GAIN_DB = 60.0  # so that silence is not amplified without limit


class LoudnessOnly(ComparedSystem):
    """rough · 10^((L(y) − L(rough)) / 20), with y the conditioning audio and L the integrated
    loudness in LUFS; −14 LUFS if blind.

    There is no limiter: peaks may exceed full scale.
    """

    changes_level_only = True

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Return the rough with a gain."""
        loudness = loudness_lufs(batch.rough, batch.sample_rate)
        gain_db = self._target_lufs(batch, condition) - loudness
        gain = db_to_ratio(gain_db.clamp(-MAX_GAIN_DB, MAX_GAIN_DB))
        return SystemOutput(batch.rough * gain[:, None, None])

    def _target_lufs(self, batch: Batch, condition: Condition) -> Tensor:
        other = conditioning_audio(batch, condition)
        if other is None:
            return torch.full((len(batch),), BLIND_TARGET_LUFS)
        return loudness_lufs(other, batch.sample_rate)
