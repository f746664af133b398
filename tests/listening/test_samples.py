"""Samples of a song are validated; settings become rows with positions."""

import numpy as np
import pytest

from ai_mixer.core.knob import Knob
from ai_mixer.listening.samples import Mix, SettingRow, SongSamples, setting_rows

GAIN = Knob("input_gain", "ratio", 0.25, 4.0, "log", 1.0)
RATIO = Knob("compressor_ratio", ":1", 1.0, 8.0, "slope", 1.0)


def test_position_follows_the_knobs_scale() -> None:
    gain, ratio = setting_rows([GAIN, RATIO], {"input_gain": 2.0, "compressor_ratio": 2.0})
    assert gain.to_position(gain.neutral) == pytest.approx(0.5)
    assert gain.to_position(gain.predicted) == pytest.approx(0.75)
    assert ratio.to_position(ratio.predicted) == pytest.approx(0.5 / 0.875)


def test_rows_have_predicted_and_applied_values() -> None:
    predicted = {"input_gain": 2.0, "compressor_ratio": 2.0}
    gain, ratio = setting_rows([GAIN, RATIO], predicted, applied={"input_gain": 1.5})
    assert (gain.predicted, gain.applied, gain.rendered) == (2.0, 1.5, 1.5)
    assert np.isnan(ratio.rendered)  # the console that rendered has no such knob
    assert setting_rows([GAIN], predicted)[0].rendered == 2.0


def test_position_is_clipped() -> None:
    row = SettingRow("low_eq", "dB", -6, 6, 0, 0)
    assert (row.to_position(-99), row.to_position(99)) == (0, 1)


def test_rows_have_true_values_and_masks() -> None:
    predicted = {"input_gain": 2.0, "compressor_ratio": 2.0}
    gain, ratio = setting_rows([GAIN, RATIO], predicted, {"input_gain": 1.5}, {"compressor_ratio"})
    assert (gain.true, gain.masked) == (1.5, False)
    assert (ratio.true, ratio.masked) == (None, True)


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (np.zeros((2, 99)), "arrays of one length"),
        (np.zeros(100), "arrays of one length"),
        (np.full((2, 100), np.nan), "mix has NaN"),
    ],
)
def test_wrong_audio_is_an_error(mix: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"song x: .*{message}"):
        SongSamples("x", 44100, np.zeros((2, 100)), {"mix": Mix(mix)}, np.zeros((2, 100)))


def test_empty_audio_is_an_error() -> None:
    empty = np.zeros((2, 0))
    with pytest.raises(ValueError, match="is empty"):
        SongSamples("x", 44100, empty, {"mix": Mix(empty)}, empty)


@pytest.mark.parametrize("names", [[], ["Mix 1"], ["a", "b-c"]])
def test_wrong_names_of_mixes_are_errors(names: list[str]) -> None:
    audio = np.zeros((2, 100))
    with pytest.raises(ValueError, match="mixes named like mix1"):
        SongSamples("x", 44100, audio, dict.fromkeys(names, Mix(audio)), audio)


def test_versions_are_in_playing_order() -> None:
    audio = np.zeros((2, 100))
    song = SongSamples("x", 44100, audio, {"b": Mix(audio), "a": Mix(audio)}, audio)
    assert list(song.versions()) == ["rough", "b", "a", "finished"]
