"""Protocol S on signals with known values, and against scipy and pyloudnorm."""

import math
from itertools import pairwise

import pyloudnorm
import pytest
import torch
from scipy.signal import butter, resample_poly, sosfilt, welch

from ai_mixer.dsp.spectra import long_term_power
from ai_mixer.metrics.standards import BANDS, EDGES_HZ, band_shares_db, standards
from helpers.signals import noise, sine

RATE = 44100


def tone(frequency_hz):
    """[1, 2, T], 2 s with a peak of −20 dB."""
    return sine(frequency_hz, 2.0, RATE, level=0.1, phase=0.3).expand(1, 2, -1).clone()


def measured(mix, rough=None, finished=None, rate=RATE, **options):
    rough, finished = (mix if x is None else x for x in (rough, finished))
    values = standards(mix, rough, finished, rate, **options)
    return {name.removeprefix("standard/"): value for name, value in values.items()}


def shares(x, rate=RATE):
    """[5], dB"""
    return band_shares_db(long_term_power(x, rate).mean(1), rate)[0]


def test_values_of_a_sine():
    got = measured(tone(997), target_lufs=-23.0, ceiling_dbtp=-18.0)
    # BS.1770: a stereo sine reads its peak level (one channel: 3.01 less).
    assert got["loudness_lufs"].item() == pytest.approx(-20.0, abs=0.02)
    assert got["loudness_error_lu"].item() == pytest.approx(3.0, abs=0.02)
    assert got["true_peak_dbtp"].item() == pytest.approx(-20.0, abs=0.05)
    assert got["over_ceiling_db"].item() == pytest.approx(-2.0, abs=0.05)
    assert got["crest_db"].item() == pytest.approx(3.01, abs=0.01)
    assert got["centroid_hz"].item() == pytest.approx(997, rel=0.005)
    assert got["mids_db"].item() == pytest.approx(0.0, abs=0.01)
    assert [got[f"{band}_db"].item() for band in BANDS if band != "mids"] == [-60.0] * 4


def test_square_wave_has_zero_crest_and_a_true_peak_above_its_samples():
    square = tone(441).sign() * 0.5
    got = measured(square)
    assert got["crest_db"].item() == pytest.approx(0.0, abs=1e-3)
    assert got["true_peak_dbtp"].item() > 20 * math.log10(0.5) + 0.5


@pytest.mark.parametrize(("hz", "band"), [(40, 0), (100, 1), (600, 2), (3500, 3), (11_000, 4)])
def test_a_tone_is_measured_in_its_band(hz, band):
    share_db = shares(tone(hz))
    assert share_db.argmax().item() == band
    assert share_db[band].item() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_band_shares_of_white_noise_follow_the_bandwidths(rate):
    widths = torch.tensor(EDGES_HZ).diff()
    expected = 10 * (widths / widths.sum()).log10()
    got = shares(noise(1, 2, seconds=10, rate=rate), rate)
    assert torch.allclose(got, expected, atol=0.4)  # 40 Hz × 10 s: 0.2 dB
    flat = measured(noise(1, 2, seconds=10, rate=rate), rate=rate)["centroid_hz"].item()
    assert flat == pytest.approx((20 + 20_000) / 2, rel=0.005)


def test_centroid_of_two_tones_is_their_weighted_mean():
    both = tone(500) + 0.5 * tone(2000)
    assert measured(both)["centroid_hz"].item() == pytest.approx(1000, rel=0.02)  # window


def test_bands_and_centroid_equal_scipy():
    sos = butter(1, 700, fs=RATE, output="sos")
    x = torch.from_numpy(sosfilt(sos, noise(1, 2, seconds=4).double().numpy()))
    frequencies, density = welch(
        x.numpy(), RATE, nperseg=8192, noverlap=4096, detrend=False, window="hann"
    )
    power = density.mean((0, 1))
    in_band = [power[(frequencies >= a) & (frequencies < b)].sum() for a, b in pairwise(EDGES_HZ)]
    expected = [10 * math.log10(p / sum(in_band)) for p in in_band]
    assert shares(x).tolist() == pytest.approx(expected, abs=0.3)  # edges: a bin
    magnitude = power**0.5 * ((frequencies >= 20) & (frequencies <= 20_000))
    centroid = (frequencies * magnitude).sum() / magnitude.sum()
    assert measured(x)["centroid_hz"].item() == pytest.approx(centroid, rel=1e-3)


def test_loudness_and_true_peak_equal_independent_implementations():
    x = noise(1, 2, seconds=4, seed=3)
    got = measured(x)
    meter = pyloudnorm.Meter(RATE)
    expected = meter.integrated_loudness(x[0].T.double().numpy())
    assert got["loudness_lufs"].item() == pytest.approx(expected, abs=0.05)
    smooth = torch.from_numpy(sosfilt(butter(4, 15_000, fs=RATE, output="sos"), x.double().numpy()))
    peak = abs(resample_poly(smooth.numpy(), 16, 1, axis=-1)).max()
    read = measured(smooth)["true_peak_dbtp"].item()
    assert read == pytest.approx(20 * math.log10(peak), abs=0.1)


def test_a_gain_changes_level_values_only():
    x = noise(1, 2, seconds=4)
    before, after = measured(x), measured(0.5 * x, x, x)
    assert after["rms_ratio"].item() == pytest.approx(0.5, rel=1e-4)
    for name in ("loudness_lufs", "loudness_error_lu", "true_peak_dbtp", "over_ceiling_db"):
        assert (after[name] - before[name]).item() == pytest.approx(-6.02, abs=0.01)
    for name in ("crest_db", "centroid_hz", "centroid_ratio", *(f"{b}_db" for b in BANDS)):
        assert after[name].item() == pytest.approx(before[name].item(), rel=1e-4)
    assert all(abs(after[f"{band}_error_db"].item()) < 1e-4 for band in BANDS)


def test_a_brighter_mix_raises_centroid_and_highs():
    x = noise(1, 2, seconds=4)
    high = torch.from_numpy(sosfilt(butter(1, 6000, "high", fs=RATE, output="sos"), x)).float()
    got = measured(x + high, x, x)
    assert got["centroid_ratio"] > 1.1
    assert got["highs_error_db"] > 0 > got["mids_error_db"]


def test_target_loudness_per_song_and_nan_for_silence():
    x = noise(2, 2, seconds=4)
    got = measured(x, target_lufs=torch.tensor([-10.0, -30.0]))
    assert (got["loudness_error_lu"] - got["loudness_lufs"]).tolist() == pytest.approx([10, 30])
    silent = measured(0 * x, x, x)
    unknown = {name for name, value in silent.items() if value.isnan().any()}
    assert unknown == {"centroid_hz", "centroid_ratio"}
    assert all(value.isfinite().all() for n, value in silent.items() if n not in unknown)
    assert measured(0 * x)["rms_ratio"].tolist() == [1.0, 1.0]


def test_batch_equals_single_songs_and_mono_is_accepted():
    x = noise(2, 2, seconds=4)
    whole = measured(x, 0.7 * x, x.roll(1, 0))
    for song in range(2):
        one = slice(song, song + 1)
        for name, value in measured(x[one], 0.7 * x[one], x.roll(1, 0)[one]).items():
            torch.testing.assert_close(value[0], whole[name][song], rtol=1e-4, atol=1e-4)
    assert measured(x[:, :1])["crest_db"].isfinite().all()
    with pytest.raises(ValueError, match="differ in shape"):
        measured(x, x[..., 1:])
