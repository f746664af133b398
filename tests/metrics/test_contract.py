"""Contract of every distance between a mix and its finished version; distances found by import."""

import importlib
import inspect
import pkgutil

import pytest
import torch

import ai_mixer.metrics

RATE = 16_000


def distances_by_import():
    """Functions of ai_mixer.metrics with parameters (mix, finished, …), except `…scores`.

    Scores are similarities: 1 at equality (tests/metrics/test_scores.py, test_speech.py).
    """
    modules = [
        importlib.import_module(f"ai_mixer.metrics.{module.name}")
        for module in pkgutil.iter_modules(ai_mixer.metrics.__path__)
    ]
    public = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and not name.endswith("scores")
    }
    pairs = [f for f in public if list(inspect.signature(f).parameters)[:2] == ["mix", "finished"]]
    return sorted(pairs, key=lambda function: function.__name__)


each_distance = pytest.mark.parametrize("distance", distances_by_import(), ids=lambda f: f.__name__)


def measured(distance, mix, finished):
    """Name → [B]: a function may return several distances."""
    rate = {"sample_rate": RATE} if "sample_rate" in inspect.signature(distance).parameters else {}
    values = distance(mix, finished, **rate)
    return values if isinstance(values, dict) else {distance.__name__: values}


def music(songs=3, channels=2, seed=0):
    noise = torch.randn(songs, channels, RATE, generator=torch.Generator().manual_seed(seed))
    return 0.1 * noise * torch.exp(-(torch.arange(RATE) % 4000) / 2000)


def other(x):
    """Quieter, duller, narrower and flatter: every distance is above 0."""
    dull = 0.5 * (x + x.roll(1, -1))
    narrow = dull + 0.5 * dull.flip(1)
    return 0.3 * torch.tanh(5 * narrow)


def test_known_distances_are_found():
    assert {f.__name__ for f in distances_by_import()} >= {"distances", "stft_distance"}


@each_distance
def test_zero_at_equality_and_above_otherwise(distance):
    x = music()
    assert all((d == 0).all() for d in measured(distance, x, x.clone()).values())
    assert all((d > 0).all() for d in measured(distance, other(x), x).values())


@each_distance
def test_a_song_of_a_batch_equals_the_song_alone(distance):
    x, y = music(), other(music(seed=1))
    together = measured(distance, y, x)
    for song in range(3):
        one = slice(song, song + 1)
        for name, value in measured(distance, y[one], x[one]).items():
            torch.testing.assert_close(value[0], together[name][song], rtol=1e-4, atol=1e-5)


@each_distance
@pytest.mark.parametrize("channels", [1, 2])
def test_silence_is_finite(distance, channels):
    x = music(channels=channels)
    for mix, finished in ((0 * x, x), (x, 0 * x), (0 * x, 0 * x)):
        values = measured(distance, mix, finished).values()
        assert all(d.isfinite().all() and d.shape == (3,) for d in values)


@each_distance
def test_mono_equals_its_twin_on_two_channels(distance):
    x, y = music(channels=1), other(music(channels=1, seed=1))
    twins = measured(distance, y.repeat(1, 2, 1), x.repeat(1, 2, 1))
    for name, value in measured(distance, y, x).items():
        torch.testing.assert_close(value, twins[name], rtol=1e-5, atol=1e-6)
