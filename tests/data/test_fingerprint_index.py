"""A compact set of fingerprints finds changed copies, and no other recordings."""

import numpy as np
import pytest

from ai_mixer.data.audio_fingerprint import fingerprint_audio
from ai_mixer.data.fingerprint_index import STORED_FRAMES, FingerprintIndex, compact
from data.test_near_duplicates import CHANGES, SAMPLE_RATE, music


@pytest.fixture(scope="module")
def index():
    """Twelve recordings; the third is `music(0)`."""
    seeds = [1, 2, 0, *range(3, 12)]
    prints = [compact(fingerprint_audio(music(seed), SAMPLE_RATE)) for seed in seeds]
    return FingerprintIndex(np.stack(prints))


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(change, index, tmp_path):
    copy = CHANGES[change](music(0), tmp_path).astype(np.float32)
    assert index.find(fingerprint_audio(copy, SAMPLE_RATE)) == 2


def test_excerpts_of_at_least_five_seconds_are_found(index):
    excerpt = music(0)[round(3.21 * SAMPLE_RATE) :]
    assert index.find(fingerprint_audio(excerpt[: 7 * SAMPLE_RATE], SAMPLE_RATE)) == 2
    assert index.find(fingerprint_audio(excerpt[: 4 * SAMPLE_RATE], SAMPLE_RATE)) is None


def test_other_recordings_are_not_found(index):
    others = [fingerprint_audio(music(seed), SAMPLE_RATE) for seed in range(20, 28)]
    assert [index.find(other) for other in others] == [None] * 8


def test_silence_and_short_audio_are_not_found(index):
    silent = fingerprint_audio(np.zeros(12 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    assert index.find(silent) is None
    assert index.find(np.zeros(0, np.uint32)) is None
    assert compact(np.zeros(0, np.uint32)).tolist() == [0] * STORED_FRAMES


def test_empty_index_finds_nothing():
    index = FingerprintIndex(np.zeros((0, STORED_FRAMES), np.uint32))
    assert index.find(fingerprint_audio(music(0), SAMPLE_RATE)) is None
