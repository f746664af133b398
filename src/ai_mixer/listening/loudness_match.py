"""Making versions equally loud, so that the louder one does not win by being louder."""

from collections.abc import Callable

import numpy as np
import torch

from ai_mixer.dsp.loudness import ABSOLUTE_GATE_LUFS, loudness_lufs
from ai_mixer.listening.samples import Audio, SongSamples

LoudnessFunction = Callable[[Audio, int], float]
HEADROOM_DB = 1.0  # below full scale, for peaks between samples


def integrated_lufs(audio: Audio, sample_rate: int) -> float:
    """Loudness of one version [C, T] by ITU-R BS.1770-4."""
    return float(loudness_lufs(torch.from_numpy(np.array(audio))[None], sample_rate))


def matching_gains_db(
    song: SongSamples, loudness: LoudnessFunction = integrated_lufs
) -> dict[str, float]:
    """Gain per version, in dB, that makes all as loud as the finished one.

    Where that would push a peak of any version over full scale, all are made quieter together.
    A silent version gets 0 dB.
    """
    versions = song.versions()
    levels = {name: loudness(audio, song.sample_rate) for name, audio in versions.items()}
    heard = {name: level for name, level in levels.items() if level > ABSOLUTE_GATE_LUFS}
    if not heard:
        return dict.fromkeys(levels, 0.0)
    rooms = [level - peak_db(versions[name]) - HEADROOM_DB for name, level in heard.items()]
    target = min([heard.get("finished", max(heard.values())), *rooms])
    return {name: target - heard[name] if name in heard else 0.0 for name in levels}


def peak_db(audio: Audio) -> float:
    """Highest sample in dB of full scale."""
    return float(20 * np.log10(max(np.abs(audio).max(), 1e-6)))
