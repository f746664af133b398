"""Spectrogram levels, images and ticks."""

import base64
import io

import matplotlib.image
import numpy as np
import pytest

from ai_mixer.listening.spectrogram import (
    LOW_HZ,
    band_levels_db,
    frequency_ticks,
    max_frequency_hz,
    spectrogram_pngs,
)


@pytest.mark.parametrize("hz", [60.0, 440.0, 5000.0])
def test_a_sine_has_its_level_at_its_frequency(hz: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * hz * np.arange(44100) / 44100)[None]
    levels = band_levels_db(tone, 44100, frames=20, bands=50)[:, 10]
    edges = np.geomspace(LOW_HZ, 16000, 51)
    loudest = int(np.argmax(levels))
    assert edges[loudest - 1] <= hz <= edges[loudest + 2]
    # The power of a sine, spread by the window over 1.5 bins.
    total_db = 10 * np.log10(np.sum(10 ** (levels / 10)))
    assert total_db == pytest.approx(20 * np.log10(0.5) + 10 * np.log10(1.5), abs=0.2)


def test_time_is_the_second_axis() -> None:
    late = np.zeros((2, 44100))
    late[:, 33000:] = np.random.default_rng(0).standard_normal((2, 11100))
    levels = band_levels_db(late, 44100, frames=40).mean(0)
    assert levels[35] > levels[10] + 60


def test_images_share_one_colour_scale() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 22050))
    png = spectrogram_pngs({"loud": noise, "soft": 0.1 * noise, "silent": 0 * noise}, 22050)
    brightness = {}
    for name, url in png.items():
        blob = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        brightness[name] = matplotlib.image.imread(io.BytesIO(blob))[..., :3].mean()
    assert brightness["loud"] > brightness["soft"] > brightness["silent"]
    assert brightness["silent"] < 0.02


def test_short_audio_and_low_rates() -> None:
    assert band_levels_db(np.ones((1, 1)), 8000, frames=8, bands=4).shape == (4, 8)
    assert max_frequency_hz(8000) == 4000
    assert [text for text, _ in frequency_ticks(8000)] == ["100 Hz", "1 kHz"]
    assert all(0 < height < 1 for _, height in frequency_ticks(44100))
