"""Tests of the low cut."""

import numpy as np
import pytest
import torch
from scipy.signal import butter, freqz, sosfilt

from ai_mixer.effects.low_cut import LowCut
from helpers.effects import music
from helpers.measures import residual_db


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("frequency_hz", [20.0, 75.0, 300.0])
def test_it_is_a_butterworth_filter_of_scipy(rate, frequency_hz):
    x = music(rate=rate)
    y = LowCut()(x, rate, frequency_hz=torch.tensor([frequency_hz], dtype=torch.float64))
    want = sosfilt(butter(2, frequency_hz, "high", output="sos", fs=rate), x[0].numpy())
    assert residual_db(y[0], want) <= -120


def responses_db(frequencies_hz):
    """Response in dB from 1 Hz to 1 kHz at each cut-off, [N, F]."""
    sections = LowCut().coefficients(8000, frequency_hz=torch.tensor(frequencies_hz).double())
    worN = np.geomspace(1, 1000, 60)
    rows = [freqz(row[:3], [1, *row[3:]], worN=worN, fs=8000)[1] for row in sections.numpy()]
    return 20 * np.log10(np.abs(rows))


def test_it_fades_out_monotonically():
    """Each higher cut-off attenuates more at each frequency, in small steps, and none amplifies."""
    cutoffs = np.geomspace(10, 40, 41)
    levels = responses_db(cutoffs)
    assert np.abs(levels[0]).max() < 1e-9
    assert np.diff(levels, axis=0).max() <= 1e-6
    assert np.diff(levels, axis=1).min() >= -1e-6
    audible = np.geomspace(1, 1000, 60) >= 20
    assert np.abs(np.diff(levels[:, audible], axis=0)).max() <= 0.8


@pytest.mark.parametrize("frequency_hz", [1.0, 10.0])
def test_below_its_lowest_frequency_it_is_off(frequency_hz):
    x = music()
    assert residual_db(LowCut()(x, 44_100, frequency_hz=torch.tensor([frequency_hz])), x) <= -200


def test_a_frequency_that_is_not_above_0_is_refused():
    with pytest.raises(ValueError, match="off_hz: needs a value above 0, got 0"):
        LowCut(off_hz=0.0)
