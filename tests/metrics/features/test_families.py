"""Feature families on signals with known values, and laws of all families."""

import math

import numpy as np
import pyloudnorm
import pytest
import torch

from ai_mixer.metrics.features.families import FAMILIES, compute_features
from ai_mixer.metrics.features.harmony import NOTES
from helpers.signals import noise, sine

RATE = 44_100
each_family = pytest.mark.parametrize("family", FAMILIES)


def stereo_sine(frequency_hz, seconds=3.0, rate=RATE, level=0.5):
    return sine(frequency_hz, seconds, rate, level).float().expand(2, -1)


def clicks(bpm, seconds=12.0):
    """Short bursts of noise at a tempo: [2, T]."""
    audio = torch.zeros(2, round(seconds * RATE))
    burst = noise(2, seconds=0.02) * torch.linspace(1, 0, round(0.02 * RATE))
    step = round(60 / bpm * RATE)
    for start in range(0, audio.shape[1] - burst.shape[1], step):
        audio[:, start : start + burst.shape[1]] += burst
    return audio


@each_family
@pytest.mark.parametrize(
    "audio",
    [
        torch.zeros(2, RATE),
        noise(2, seconds=0.4),
        noise(1, seconds=1),
        300 * noise(2, seconds=1),
        stereo_sine(440, 1) * 1e-6,
    ],
    ids=["silence", "short", "mono", "clipped", "faint"],
)
@pytest.mark.parametrize("rate", [8_000, RATE])
def test_features_are_finite(family, audio, rate):
    features = FAMILIES[family](audio, rate)
    assert features
    assert all(isinstance(x, float) and math.isfinite(x) for x in features.values()), features


@each_family
def test_mono_equals_two_equal_channels(family):
    audio = noise(1, seconds=1)
    assert FAMILIES[family](audio, RATE) == FAMILIES[family](audio.expand(2, -1), RATE)


@pytest.mark.parametrize("family", ["timbre", "harmony", "rhythm"])
def test_features_do_not_depend_on_the_level(family):
    quiet, loud = (FAMILIES[family](gain * clicks(120, 4.0), RATE) for gain in (0.01, 1.0))
    assert quiet == pytest.approx(loud, rel=1e-3, abs=1e-3)


def test_feature_names_are_unique():
    """Each feature is a column of one table."""
    audio = noise(2, seconds=1)
    names = [name for family in FAMILIES.values() for name in family(audio, RATE)]
    assert len(names) == len(set(names)) == len(compute_features(audio, RATE, list(FAMILIES)))


def test_unknown_or_missing_family_is_an_error():
    with pytest.raises(ValueError, match=r"'colour'.*levels, stereo, timbre"):
        compute_features(noise(2, seconds=1), RATE, ["levels", "colour"])
    with pytest.raises(ValueError, match="no feature family"):
        compute_features(noise(2, seconds=1), RATE, [])


def test_levels_of_a_sine():
    features = FAMILIES["levels"](stereo_sine(997, 5.0, level=0.5), RATE)
    assert features["true_peak_db"] == pytest.approx(-6.02, abs=0.05)
    assert features["rms_db"] == pytest.approx(-9.03, abs=0.05)
    assert features["crest_db"] == pytest.approx(3.01, abs=0.05)
    assert features["loudness_range_lu"] == pytest.approx(0.0, abs=0.1)
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    expected = meter.integrated_loudness(stereo_sine(997, 5.0).T.double().numpy())
    assert features["loudness_lufs"] == pytest.approx(expected, abs=0.05)


def test_stereo_features_of_opposite_independent_and_equal_channels():
    one, other = noise(1, seconds=3, seed=1), noise(1, seconds=3, seed=2)
    opposite = FAMILIES["stereo"](torch.cat([one, -one]), RATE)
    assert opposite["correlation"] == pytest.approx(-1)
    assert opposite["width_db"] == pytest.approx(60)
    independent = FAMILIES["stereo"](torch.cat([one, 0.5 * other]), RATE)
    assert independent["correlation"] == pytest.approx(0, abs=0.02)
    assert independent["left_over_right_db"] == pytest.approx(6.02, abs=0.1)
    same = FAMILIES["stereo"](one, RATE)
    assert (same["correlation"], same["width_db"]) == (pytest.approx(1), -60)


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_centroid_and_zero_crossings_of_a_sine(rate):
    features = FAMILIES["timbre"](stereo_sine(2000, rate=rate), rate)
    assert features["centroid_hz"] == pytest.approx(2000, rel=0.02)
    assert features["zero_crossings"] == pytest.approx(2 * 2000 / 22_050, rel=0.02)
    assert features["zero_crossings_var"] < 3e-4  # of the first and last frame


def test_spectral_contrast_is_low_for_noise_and_high_for_a_sine():
    flat, sharp = (FAMILIES["timbre"](x, RATE) for x in (noise(2, seconds=3), stereo_sine(1000)))
    assert np.mean([flat[f"contrast_{n}_db"] for n in range(1, 6)]) < 20
    assert max(sharp[f"contrast_{n}_db"] for n in range(1, 6)) > 30


@pytest.mark.parametrize(("note", "freq_hz"), [("a", 440.0), ("c", 261.63), ("f_sharp", 369.99)])
def test_chroma_of_a_note_is_highest_at_that_note(note, freq_hz):
    features = FAMILIES["harmony"](stereo_sine(freq_hz), RATE)
    assert max(NOTES, key=lambda name: features[f"chroma_{name}"]) == note


def test_notes_a_fifth_apart_are_close_on_the_circle_of_fifths():
    def position(freq_hz):
        features = FAMILIES["harmony"](stereo_sine(freq_hz), RATE)
        return np.array([features["tonnetz_fifth_x"], features["tonnetz_fifth_y"]])

    c, g, f_sharp = position(261.63), position(392.0), position(369.99)
    assert np.linalg.norm(c - g) < np.linalg.norm(c - f_sharp)


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_tempo_of_clicks(bpm):
    features = FAMILIES["rhythm"](clicks(bpm), RATE)
    assert features["tempo_bpm"] == pytest.approx(bpm, rel=0.04)
    assert features["onsets_per_s"] == pytest.approx(bpm / 60, rel=0.1)


def test_percussive_share_of_clicks_and_of_a_sine():
    assert FAMILIES["rhythm"](clicks(120), RATE)["percussive_share"] > 0.9
    assert FAMILIES["rhythm"](stereo_sine(440), RATE)["percussive_share"] < 0.1
    assert FAMILIES["rhythm"](torch.zeros(2, RATE), RATE)["tempo_bpm"] == 0
