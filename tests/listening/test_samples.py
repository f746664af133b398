import numpy as np
import pytest

from ai_mixer.listening.samples import SettingRow, SongSamples, setting_rows
from ai_mixer.types import Knob

GAIN = Knob("input_gain", "ratio", 0.25, 4.0, "log", 1.0)
RATIO = Knob("compressor_ratio", ":1", 1.0, 8.0, "slope", 1.0)


def test_travel_follows_the_knobs_scale() -> None:
    gain, ratio = setting_rows([GAIN, RATIO], {"input_gain": 2.0, "compressor_ratio": 2.0})
    assert gain.travel(gain.neutral) == pytest.approx(0.5)
    assert gain.travel(gain.predicted) == pytest.approx(0.75)
    assert ratio.travel(ratio.predicted) == pytest.approx(0.5 / 0.875)


def test_travel_stays_on_the_bar() -> None:
    row = SettingRow("low_eq", "dB", -6, 6, 0, 0)
    assert (row.travel(-99), row.travel(99)) == (0, 1)


def test_rows_know_truth_and_mask() -> None:
    predicted = {"input_gain": 2.0, "compressor_ratio": 2.0}
    gain, ratio = setting_rows([GAIN, RATIO], predicted, {"input_gain": 1.5}, {"compressor_ratio"})
    assert (gain.true, gain.masked) == (1.5, False)
    assert (ratio.true, ratio.masked) == (None, True)


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (np.zeros((2, 99)), "arrays of one length"),
        (np.zeros(100), "arrays of one length"),
        (np.full((2, 100), np.nan), "mix holds NaN"),
    ],
)
def test_unfit_audio_is_refused(mix: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=f"song x: .*{message}"):
        SongSamples("x", 44100, np.zeros((2, 100)), mix, np.zeros((2, 100)))


def test_empty_audio_is_refused() -> None:
    nothing = np.zeros((2, 0))
    with pytest.raises(ValueError, match="is empty"):
        SongSamples("x", 44100, nothing, nothing, nothing)
