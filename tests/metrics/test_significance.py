"""Paired tests over songs and Holm's correction: by hand, against scipy, and by simulation."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from ai_mixer.metrics.statistics import MAX_EXHAUSTIVE_SONGS, holm_correction, sign_flip_test


def test_holm_by_hand():
    """Four tests: 0.01·4, 0.02·3, 0.04·2 and 0.05·1, the last two raised to the one before."""
    adjusted = holm_correction(np.array([0.04, 0.01, 0.05, 0.02]))
    assert adjusted.tolist() == pytest.approx([0.08, 0.04, 0.08, 0.06])


def test_holm_clips_at_1_and_leaves_out_nan():
    adjusted = holm_correction(np.array([0.9, np.nan, 0.6]))
    assert adjusted[[0, 2]].tolist() == [1.0, 1.0]
    assert np.isnan(adjusted[1])
    assert holm_correction(np.array([])).size == 0


def test_holm_rejects_the_same_tests_as_the_step_down_procedure():
    """Reject the smallest while p(k) ≤ 0.05 / (n − k), and stop at the first that fails."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = rng.uniform(0, 0.05, 6)
        rejected = np.zeros(6, bool)
        for step, index in enumerate(np.argsort(p)):
            if p[index] > 0.05 / (6 - step):
                break
            rejected[index] = True
        assert ((holm_correction(p) <= 0.05) == rejected).all()


@pytest.mark.parametrize("songs", [1, 5, 9])
def test_p_value_of_few_songs_is_exact(songs):
    """Equal to scipy's permutation test over all choices of signs."""
    differences = np.random.default_rng(songs).normal(0.4, 1, songs)
    options = {"permutation_type": "samples", "n_resamples": np.inf}
    if songs == 1:
        assert sign_flip_test(differences) == 1.0
        return
    expected = permutation_test((differences,), np.mean, **options)
    assert sign_flip_test(differences) == pytest.approx(expected.pvalue)


def test_p_value_of_special_cases():
    assert sign_flip_test(np.arange(1.0, 7.0)) == 2 / 2**6
    assert sign_flip_test(np.array([1.0, np.nan, 2.0])) == 0.5
    assert sign_flip_test(np.zeros(5)) == 1.0
    assert np.isnan(sign_flip_test(np.array([np.nan])))


def test_p_value_of_many_songs_is_close_to_exact_and_deterministic():
    differences = np.random.default_rng(3).normal(0.5, 1, MAX_EXHAUSTIVE_SONGS + 1)
    bits = np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))
    sums = np.abs((1 - 2 * (bits & 1)) @ differences)
    exact = np.mean(sums >= abs(differences.sum()) - 1e-9)
    assert sign_flip_test(differences) == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))
    assert sign_flip_test(differences) == sign_flip_test(differences)


@pytest.mark.parametrize("songs", [8, 24])
def test_rate_of_false_positives_is_at_most_5_percent(songs):
    """No difference, skewed values, random signs: about 5 % of 400 trials."""
    rng = np.random.default_rng(songs)
    draws = rng.exponential(1, (400, songs)) * rng.choice((-1, 1), (400, songs))
    false_positives = np.mean([sign_flip_test(row, draws=400) < 0.05 for row in draws])
    assert false_positives < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_power_for_a_large_difference():
    rng = np.random.default_rng(1)
    power = np.mean([sign_flip_test(rng.normal(1, 1, 12)) < 0.05 for _ in range(100)])
    assert power > 0.8
