"""Gains for equal loudness: louder versions tend to be preferred."""

from collections.abc import Callable

import numpy as np
import torch

from ai_mixer.dsp.loudness import ABSOLUTE_GATE_LUFS, loudness_lufs
from ai_mixer.listening.samples import Audio, SongSamples

LoudnessFunction = Callable[[Audio, int], float]
HEADROOM_DB = 1.0  # below full scale, for peaks between samples


def integrated_lufs(audio: Audio, sample_rate: int) -> float:
    """Compute the loudness of one version [C, T] by ITU-R BS.1770-4."""
    return float(loudness_lufs(torch.from_numpy(np.array(audio))[None], sample_rate))


def levels_lufs(
    song: SongSamples, loudness: LoudnessFunction = integrated_lufs
) -> dict[str, float]:
    """Compute the loudness of each version as it is, in LUFS."""
    return {name: loudness(audio, song.sample_rate) for name, audio in song.versions().items()}


def matching_gains_db(
    song: SongSamples, loudness: LoudnessFunction = integrated_lufs
) -> dict[str, float]:
    """Compute the gain per version, in dB, that gives all the loudness of the finished one.

    If a peak of any version would exceed full scale, all gains are reduced together. A silent
    version has 0 dB.
    """
    versions = song.versions()
    levels = levels_lufs(song, loudness)
    audible = {name: level for name, level in levels.items() if level > ABSOLUTE_GATE_LUFS}
    if not audible:
        return dict.fromkeys(levels, 0.0)
    limits = [level - peak_db(versions[name]) - HEADROOM_DB for name, level in audible.items()]
    target = min([audible.get("finished", max(audible.values())), *limits])
    return {name: target - audible[name] if name in audible else 0.0 for name in levels}


def peak_db(audio: Audio) -> float:
    """Compute the sample peak in dB of full scale."""
    return float(20 * np.log10(max(np.abs(audio).max(), 1e-6)))
