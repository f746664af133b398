"""Formats that libsndfile does not know, from file to file."""

import pytest

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.measurements import measure


@pytest.mark.parametrize("suffix", ["m4a", "opus"])
def test_mix_reads_and_writes_m4a_and_opus(ai_mixer, song, suffix):
    first = song.with_name(f"first.{suffix}")
    assert ai_mixer("mix", song, "-o", first, "--amount", "0").code == 0
    done = ai_mixer("mix", first)
    assert done.code == 0, done.err
    second = song.with_name(f"first_mixed.{suffix}")
    before, original, mixed = (AudioFile(file) for file in (first, song, second))
    assert before.tags == mixed.tags == original.tags
    assert mixed.duration_s == pytest.approx(original.duration_s, abs=0.08)  # AAC pads frames
    measured = [measure(file.blocks(), file.sample_rate) for file in (original, before, mixed)]
    assert measured[1].loudness_lufs == pytest.approx(measured[0].loudness_lufs, abs=0.3)
    assert measured[2].true_peak_db <= -1.0 + 0.05
