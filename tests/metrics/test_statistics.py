"""Bootstrap over songs: equals the plain loop, has nominal coverage, resamples whole songs."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_mixer.metrics.statistics import (
    bootstrap_means,
    difference_estimate,
    few_songs_note,
    fold_interval,
    mean_estimate,
    reportable,
    share_estimate,
    skill_estimates,
    song_means,
)


def test_song_means_leave_out_nan():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [10.0, 4.0]])
    means = song_means(values, np.array(["b", "b", "a"]))
    assert means[:, 0].tolist() == [10.0, 2.0]
    assert means[0, 1] == 4.0
    assert np.isnan(means[1, 1])


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=30)
def test_song_means_equal_a_plain_loop(pairs):
    songs, values = (np.array(column) for column in zip(*pairs, strict=True))
    expected = [values[songs == song].mean() for song in sorted(set(songs.tolist()))]
    assert song_means(values, songs).tolist() == pytest.approx(expected)


def test_bootstrap_means_equal_drawing_songs_one_by_one():
    per_song = np.random.default_rng(1).standard_normal((7, 3))
    per_song[2, 1] = np.nan
    draws = np.random.default_rng(5).multinomial(7, np.full(7, 1 / 7), 50)
    expected = [np.nanmean(np.repeat(per_song, draw, axis=0), axis=0) for draw in draws]
    assert np.allclose(bootstrap_means(per_song, 50, seed=5), expected)


def test_interval_of_normal_values_has_the_known_width():
    """Mean of normal values: ± 1.96 σ/√S."""
    values = np.random.default_rng(0).standard_normal(400)
    estimate = mean_estimate(values, np.arange(400), n_resamples=10_000)
    mean, half = values.mean(), 1.96 * values.std() / 20
    assert estimate.value == pytest.approx(mean)
    assert [estimate.low, estimate.high] == pytest.approx([mean - half, mean + half], abs=0.005)
    assert estimate.songs == 400


def test_interval_covers_the_true_mean_in_95_percent_of_trials():
    rng = np.random.default_rng(2)
    songs = np.repeat(np.arange(40), 3)
    hits = 0
    for trial in range(300):
        # Excerpts of a song are correlated: songs are the sampling unit.
        values = np.repeat(rng.standard_normal(40), 3) + 0.3 * rng.standard_normal(120)
        got = mean_estimate(values, songs, n_resamples=400, seed=trial)
        hits += got.low <= 0.0 <= got.high
    assert 0.90 <= hits / 300 <= 0.98


def test_repeated_excerpts_do_not_narrow_the_interval():
    values = np.random.default_rng(3).standard_normal(20)
    once = mean_estimate(values, np.arange(20))
    thrice = mean_estimate(np.repeat(values, 3), np.repeat(np.arange(20), 3))
    assert thrice == pytest.approx(once)


def test_interval_depends_on_the_seed_but_not_on_the_order():
    rng = np.random.default_rng(4)
    values, songs = rng.standard_normal(30), rng.integers(0, 9, 30)
    order = rng.permutation(30)
    one = mean_estimate(values, songs, seed=1)
    assert mean_estimate(values[order], songs[order], seed=1) == pytest.approx(one)
    assert mean_estimate(values, songs, seed=2).low != one.low


def test_paired_difference_cancels_the_common_part():
    rng = np.random.default_rng(5)
    hard = 10 * rng.standard_normal(30)
    got = difference_estimate(hard + 0.1, hard, np.arange(30))
    assert [got.value, got.low, got.high] == pytest.approx([0.1] * 3)


def test_share_estimate_counts_songs():
    got = share_estimate(np.array([1.0, 2.0, -1.0, 1.0, -5.0, np.nan]), np.array([*"aabbcd"]))
    assert got.value == pytest.approx(1 / 3)
    assert got.songs == 3
    assert 0 <= got.low <= got.high <= 1


def test_skill_of_proportional_errors_has_an_interval_of_zero_width():
    rng = np.random.default_rng(6)
    baseline = rng.uniform(0.05, 0.5, (60, 3))
    songs = np.repeat(np.arange(20), 3)
    knobs, mean = skill_estimates(0.7 * baseline, baseline, songs)
    for got in (*knobs, mean):
        assert [got.value, got.low, got.high] == pytest.approx([0.3] * 3)
    knobs, mean = skill_estimates(baseline, baseline, songs)
    assert {got.value for got in (*knobs, mean)} == {0.0}
    knobs, mean = skill_estimates(0 * baseline, baseline, songs)
    assert {got.value for got in (*knobs, mean)} == {1.0}


def test_skill_equals_a_plain_loop():
    rng = np.random.default_rng(7)
    errors, baseline = rng.uniform(0.05, 0.5, (2, 12, 2))
    draws = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), 300)
    ratios = []
    for draw in draws:
        picked = np.repeat(np.arange(12), draw)
        ratios.append(1 - errors[picked].mean(0) / baseline[picked].mean(0))
    knobs, mean = skill_estimates(errors, baseline, np.arange(12), n_resamples=300)
    low, high = np.quantile(np.mean(ratios, axis=1), [0.025, 0.975])
    assert [mean.low, mean.high] == pytest.approx([low, high])
    assert knobs[1].low == pytest.approx(np.quantile(np.array(ratios)[:, 1], 0.025))
    assert mean.value == pytest.approx(np.mean([knob.value for knob in knobs]))


def test_skill_of_a_knob_masked_in_all_songs_is_nan_without_a_warning():
    errors = np.array([[0.1, np.nan], [0.2, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        knobs, mean = skill_estimates(errors, 2 * errors, np.arange(2))
    assert np.isnan(knobs[1].value)
    assert np.isnan(knobs[1].low)
    assert knobs[1].songs == 0
    assert mean.value == pytest.approx(0.5)


def test_fold_interval_equals_students_t():
    """Of 1, 2, 3: s = 1, t(0.975; 2) = 4.3027, so ± 4.3027 / √3. Of one value: no interval."""
    values = np.array([[1.0, 5.0, np.nan], [2.0, np.nan, np.nan], [3.0, np.nan, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean, low, high = fold_interval(values)
    assert mean[:2].tolist() == [2.0, 5.0]
    assert high[0] - 2.0 == pytest.approx(2.4841, abs=1e-3)
    assert 2.0 - low[0] == pytest.approx(2.4841, abs=1e-3)
    assert np.isnan([mean[2], low[1], high[1], low[2]]).all()


def test_reportable_needs_three_songs_for_a_figure_and_eight_for_an_interval():
    songs = [0, 2, 3, 7, 8]
    table = pd.DataFrame({"songs": songs, "skill": 0.5, "skill_low": 0.4, "skill_high": 0.6})
    shown = reportable(table)
    assert shown["songs"].tolist() == songs
    assert shown["skill"].notna().tolist() == [False, False, True, True, True]
    for end in ("skill_low", "skill_high"):
        assert shown[end].notna().tolist() == [False, False, False, False, True]
    pd.testing.assert_frame_equal(reportable(shown), shown)
    assert table["skill"].notna().all()  # not changed
    notes = ["no figure below 3 songs"] * 2 + ["no interval below 8"] * 2 + [""]
    assert [few_songs_note(count) for count in songs] == notes


def test_reportable_uses_the_count_of_each_column():
    table = pd.DataFrame(
        {"a": [1.0], "a_low": [0.5], "a_songs": [9], "b": [1.0], "b_songs": [2], "text": ["x"]}
    )
    shown = reportable(table.assign(c=1.0))
    assert shown.drop(columns="b").notna().all(axis=None)
    assert shown["b"].isna().all()


def test_reportable_with_columns_by_condition():
    columns = pd.MultiIndex.from_product([["blind", "paired"], ["skill", "skill_low", "songs"]])
    shown = reportable(pd.DataFrame([[0.5, 0.4, 2, 0.5, 0.4, 5]], columns=columns))
    assert shown["blind"].notna().to_numpy().tolist() == [[False, False, True]]
    assert shown["paired"].notna().to_numpy().tolist() == [[True, False, True]]
