"""A song whose versions are easy to tell apart by level alone."""

import numpy as np
import pytest

from ai_mixer.listening.samples import SettingRow, SongSamples

RATE = 22050


@pytest.fixture
def song() -> SongSamples:
    return make_song("Night bus")


@pytest.fixture
def make() -> object:
    return make_song


def make_song(name: str, seconds: float = 2.0, **more: object) -> SongSamples:
    """Rough is the mix turned over and 12 dB down; finished is 6 dB above the mix."""
    t = np.arange(round(RATE * seconds)) / RATE
    tone = np.stack([np.sin(2 * np.pi * 441 * t), np.sin(2 * np.pi * 882 * t)]) * 0.4
    rows = [
        SettingRow("low_eq", "dB", -6, 6, 0, 1.5, 2.0),
        SettingRow("input_gain", "ratio", 0.25, 4, 1, 2.0, None, scale="log"),
        SettingRow("reverb", "wet", 0, 0.6, 0, 0.12, 0.3, masked=True),
    ]
    values = {"settings": rows, "metrics": {"closeness": 0.41}, "genre": "hip_hop"} | more
    return SongSamples(name, RATE, -0.25 * tone, tone, 2 * tone, condition="blind", **values)  # type: ignore[arg-type]
