"""Gains for equal loudness."""

import numpy as np
import pytest

from ai_mixer.listening.loudness_match import (
    HEADROOM_DB,
    integrated_lufs,
    matching_gains_db,
    peak_db,
)
from ai_mixer.listening.samples import Mix, SongSamples


def test_gains_give_equal_loudness(song: SongSamples) -> None:
    gains = matching_gains_db(song)
    levels = [
        integrated_lufs(song.versions()[name] * 10 ** (gains[name] / 20), song.sample_rate)
        for name in ("rough", "mix", "finished")
    ]
    assert np.ptp(levels) < 1e-3
    assert gains["rough"] - gains["mix"] == pytest.approx(12.04, abs=0.01)


def test_no_peak_exceeds_full_scale() -> None:
    rng = np.random.default_rng(0)
    steady = rng.uniform(-0.9, 0.9, (2, 44100))
    transient = steady * 0.05
    transient[:, 1000] = 1.0
    song = SongSamples("x", 44100, transient, {"mix": Mix(steady)}, steady)
    gains = matching_gains_db(song)
    assert peak_db(transient) + gains["rough"] == pytest.approx(-HEADROOM_DB)
    assert gains["mix"] < -20


def test_a_silent_version_has_0_db() -> None:
    levels = np.full((1, 44100), 0.1) * np.resize([1, -1], 44100)
    song = SongSamples("x", 44100, 0 * levels, {"mix": Mix(levels)}, levels)
    assert matching_gains_db(song) == pytest.approx({"rough": 0, "mix": 0, "finished": 0}, abs=1e-6)
    silence = SongSamples("x", 44100, 0 * levels, {"mix": Mix(0 * levels)}, 0 * levels)
    assert matching_gains_db(silence) == {"rough": 0, "mix": 0, "finished": 0}


def test_the_loudness_function_can_be_replaced(song: SongSamples) -> None:
    def root_mean_square(audio: np.ndarray, sample_rate: int) -> float:
        return float(10 * np.log10(np.mean(audio**2)))

    gains = matching_gains_db(song, root_mean_square)
    assert gains["mix"] - gains["finished"] == pytest.approx(6.02, abs=0.01)
