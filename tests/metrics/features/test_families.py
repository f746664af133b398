"""What each family says of sounds whose truth is known; laws for all of them."""

import math

import numpy as np
import pyloudnorm
import pytest
import torch

from ai_mixer.metrics.features.families import FAMILIES, compute_features
from ai_mixer.metrics.features.harmony import NOTES
from helpers.signals import noise, sine

RATE = 44_100
every = pytest.mark.parametrize("family", FAMILIES)


def stereo_sine(frequency_hz, seconds=3.0, rate=RATE, level=0.5):
    return sine(frequency_hz, seconds, rate, level).float().expand(2, -1)


def clicks(bpm, seconds=12.0):
    """Short bursts of noise."""
    audio = torch.zeros(2, round(seconds * RATE))
    burst = noise(2, seconds=0.02) * torch.linspace(1, 0, round(0.02 * RATE))
    step = round(60 / bpm * RATE)
    for start in range(0, audio.shape[1] - burst.shape[1], step):
        audio[:, start : start + burst.shape[1]] += burst
    return audio


@every
@pytest.mark.parametrize(
    "audio",
    [
        torch.zeros(2, RATE),
        noise(2, seconds=0.4),
        noise(1, seconds=1),
        300 * noise(2, seconds=1),
        stereo_sine(440, 1) * 1e-6,
    ],
    ids=["silence", "short", "mono", "hot", "faint"],
)
@pytest.mark.parametrize("rate", [8_000, RATE])
def test_numbers_are_finite(family, audio, rate):
    found = FAMILIES[family](audio, rate)
    assert found
    assert all(isinstance(value, float) and math.isfinite(value) for value in found.values()), found


@every
def test_mono_is_two_equal_channels(family):
    audio = noise(1, seconds=1)
    assert FAMILIES[family](audio, RATE) == FAMILIES[family](audio.expand(2, -1), RATE)


@pytest.mark.parametrize("family", ["timbre", "harmony", "rhythm"])
def test_level_changes_nothing(family):
    quiet, loud = (FAMILIES[family](gain * clicks(120, 4.0), RATE) for gain in (0.01, 1.0))
    assert quiet == pytest.approx(loud, rel=1e-3, abs=1e-3)


def test_names_are_of_one_family():
    """So that a table has a column for each."""
    found = [name for family in FAMILIES.values() for name in family(noise(2, seconds=1), RATE)]
    assert (
        len(found)
        == len(set(found))
        == len(compute_features(noise(2, seconds=1), RATE, list(FAMILIES)))
    )


def test_an_unknown_family():
    with pytest.raises(ValueError, match="'colour' is none, there is levels, stereo, timbre"):
        compute_features(noise(2, seconds=1), RATE, ["levels", "colour"])
    with pytest.raises(ValueError, match="none was chosen"):
        compute_features(noise(2, seconds=1), RATE, [])


def test_levels_of_a_sine():
    found = FAMILIES["levels"](stereo_sine(997, 5.0, level=0.5), RATE)
    assert found["true_peak_db"] == pytest.approx(-6.02, abs=0.05)
    assert found["rms_db"] == pytest.approx(-9.03, abs=0.05)
    assert found["crest_db"] == pytest.approx(3.01, abs=0.05)
    assert found["loudness_range_lu"] == pytest.approx(0.0, abs=0.1)
    meter = pyloudnorm.Meter(RATE, filter_class="DeMan")
    expected = meter.integrated_loudness(stereo_sine(997, 5.0).T.double().numpy())
    assert found["loudness_lufs"] == pytest.approx(expected, abs=0.05)


def test_where_sound_comes_from():
    one, other = noise(1, seconds=3, seed=1), noise(1, seconds=3, seed=2)
    turned = FAMILIES["stereo"](torch.cat([one, -one]), RATE)
    assert turned["correlation"] == pytest.approx(-1)
    assert turned["width_db"] == pytest.approx(60)
    apart = FAMILIES["stereo"](torch.cat([one, 0.5 * other]), RATE)
    assert apart["correlation"] == pytest.approx(0, abs=0.02)
    assert apart["left_over_right_db"] == pytest.approx(6.02, abs=0.1)
    same = FAMILIES["stereo"](one, RATE)
    assert (same["correlation"], same["width_db"]) == (pytest.approx(1), -60)


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_a_sine_has_its_centroid_and_its_crossings(rate):
    found = FAMILIES["timbre"](stereo_sine(2000, rate=rate), rate)
    assert found["centroid_hz"] == pytest.approx(2000, rel=0.02)
    assert found["zero_crossings"] == pytest.approx(2 * 2000 / 22_050, rel=0.02)
    assert found["zero_crossings_var"] < 3e-4  # of the first and last frame


def test_noise_is_flat_and_a_sine_is_not():
    flat, sharp = (FAMILIES["timbre"](x, RATE) for x in (noise(2, seconds=3), stereo_sine(1000)))
    assert np.mean([flat[f"contrast_{n}_db"] for n in range(1, 6)]) < 20
    assert max(sharp[f"contrast_{n}_db"] for n in range(1, 6)) > 30


@pytest.mark.parametrize(("note", "freq_hz"), [("a", 440.0), ("c", 261.63), ("f_sharp", 369.99)])
def test_a_note_is_heard_as_that_note(note, freq_hz):
    found = FAMILIES["harmony"](stereo_sine(freq_hz), RATE)
    assert max(NOTES, key=lambda name: found[f"chroma_{name}"]) == note


def test_chords_a_fifth_apart_are_neighbours_on_its_circle():
    def place(*freqs_hz):
        found = FAMILIES["harmony"](sum(stereo_sine(f) for f in freqs_hz), RATE)
        return np.array([found["tonnetz_fifth_x"], found["tonnetz_fifth_y"]])

    c, g, f_sharp = place(261.63), place(392.0), place(369.99)
    assert np.linalg.norm(c - g) < np.linalg.norm(c - f_sharp)


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_tempo_of_clicks(bpm):
    found = FAMILIES["rhythm"](clicks(bpm), RATE)
    assert found["tempo_bpm"] == pytest.approx(bpm, rel=0.04)
    assert found["onsets_per_s"] == pytest.approx(bpm / 60, rel=0.1)


def test_hits_and_what_is_sustained():
    assert FAMILIES["rhythm"](clicks(120), RATE)["percussive_share"] > 0.9
    assert FAMILIES["rhythm"](stereo_sine(440), RATE)["percussive_share"] < 0.1
    assert FAMILIES["rhythm"](torch.zeros(2, RATE), RATE)["tempo_bpm"] == 0
