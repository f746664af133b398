"""Augmentations of the rough: what they change, by how much, and what they keep."""

import numpy as np
import pytest
import torch

from ai_mixer.augment.bandwidth import Bandwidth
from ai_mixer.augment.clipping import Clipping
from ai_mixer.augment.codec import FORMATS, MAX_COMPRESSION, Codec, CodecParameters
from ai_mixer.augment.dynamics import Dynamics, DynamicsParameters
from ai_mixer.augment.equaliser import NODES_HZ, Equaliser, minimum_phase
from ai_mixer.augment.level import Level
from ai_mixer.augment.noise import Noise, NoiseParameters
from ai_mixer.augment.stereo_image import StereoImage, StereoImageParameters
from ai_mixer.dsp.levels import crest_db, peak_db, rms_db, width_db
from ai_mixer.dsp.spectra import third_octave_centres, third_octave_db
from helpers.measures import residual_db
from helpers.signals import sine

RATE = 44_100


def bands_db(x):
    """Third-octave levels [bands], mean of the channels."""
    return third_octave_db(x[None], RATE).mean(dim=(0, 1))


CENTRES = np.array(third_octave_centres(RATE))


def test_level_is_a_gain(noise):
    changed = Level().process(noise, RATE, -7.0)
    torch.testing.assert_close(changed, noise * 10 ** (-7 / 20))


def test_clipping_lowers_the_peak_and_keeps_samples_below(noise):
    changed = Clipping().process(noise, RATE, 3.0)
    assert float(peak_db(noise[None]) - peak_db(changed[None])) == pytest.approx(3.0, abs=1e-3)
    below = noise.abs() < changed.abs().amax()
    assert torch.equal(changed[below], noise[below])
    assert 0 < (~below).float().mean() < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_equaliser_has_the_drawn_curve_and_keeps_the_level(noise, seed):
    step = Equaliser(6.0)
    drawn = step.draw_parameters(np.random.default_rng(seed))
    changed = step.process(noise, RATE, drawn)
    torch.testing.assert_close(rms_db(changed[None]), rms_db(noise[None]), atol=0.01, rtol=0)
    change_db = (bands_db(changed) - bands_db(noise)).numpy()
    expected_db = np.interp(np.log2(CENTRES), np.log2(NODES_HZ), drawn)
    # Peak to peak, since the compensation of the level is a constant in all bands.
    difference = (change_db - expected_db)[CENTRES >= 60]
    assert np.ptp(difference) < 3.0  # linear interpolation here, a smooth curve there
    at_nodes = [int(np.abs(CENTRES - hz).argmin()) for hz in NODES_HZ[2:-1]]
    assert np.ptp((change_db - expected_db)[at_nodes]) < 1.5


def test_equaliser_impulse_response_is_minimum_phase():
    fir = minimum_phase(Equaliser().draw_parameters(np.random.default_rng(0)), RATE)
    assert int(fir.abs().argmax()) == 0
    energy = fir.square().cumsum(0) / fir.square().sum()
    assert energy[RATE // 100] > 0.95
    flat = minimum_phase([0.0] * len(NODES_HZ), RATE)
    assert flat[0] == pytest.approx(1.0)
    assert flat[1:].abs().max() < 1e-6


def test_stereo_image_changes_the_side_and_keeps_the_mid(noise):
    changed = StereoImage().process(noise, RATE, StereoImageParameters(-5.0, 0.0, 100.0))
    torch.testing.assert_close(changed.mean(0), noise.mean(0), atol=1e-6, rtol=0)
    change_db = width_db(changed[None]) - width_db(noise[None])
    assert float(change_db) == pytest.approx(-5.0, abs=0.1)
    narrow_bass = StereoImage().process(noise, RATE, StereoImageParameters(0.0, -6.0, 250.0))
    side = [third_octave_db((x[:1] - x[1:])[None], RATE)[0, 0] for x in (noise, narrow_bass)]
    reduction_db = (side[0] - side[1]).numpy()
    np.testing.assert_allclose(reduction_db[CENTRES < 50], 6.0, atol=0.6)
    assert abs(reduction_db[CENTRES > 2000]).max() < 0.2


def test_stereo_image_keeps_mono():
    mono = sine(300.0, level=0.5).float().expand(2, -1)
    changed = StereoImage().process(mono, RATE, StereoImageParameters(6.0, -6.0, 100.0))
    torch.testing.assert_close(changed, mono, atol=1e-6, rtol=0)


@pytest.mark.parametrize("slope_db", [-6.0, 0.0])
def test_noise_has_the_drawn_level_and_slope(noise, slope_db):
    added = Noise().process(noise, RATE, NoiseParameters(50.0, slope_db, 7)) - noise
    assert float(rms_db(noise[None]) - rms_db(added[None])) == pytest.approx(50.0, abs=0.05)
    levels = bands_db(added).numpy()
    per_octave = np.polyfit(np.log2(CENTRES[3:-1]), levels[3:-1], 1)[0]
    # The bandwidth of a third octave doubles per octave: + 3 dB.
    assert per_octave == pytest.approx(slope_db + 3.0, abs=0.5)
    correlation = torch.corrcoef(added)[0, 1]
    assert abs(correlation) < 0.2


def test_bandwidth_ends_at_half_the_lower_rate(noise):
    changed = Bandwidth().process(noise, RATE, 24_000.0)
    power = [torch.fft.rfft(x).abs().square().mean(0) for x in (noise, changed)]
    hz = torch.fft.rfftfreq(noise.shape[-1], 1 / RATE)
    passband = (power[1] / power[0])[(hz > 20) & (hz < 10_700)]
    assert abs(10 * torch.log10(passband.mean())) < 0.05
    assert power[1][hz > 12_100].mean() < 1e-6 * power[0].mean()
    assert Bandwidth().process(noise, RATE, 48_000.0) is noise


def test_dynamics_changes_the_crest_factor_and_keeps_level_and_image(hits):
    compressed, unchanged, expanded = (
        Dynamics().process(hits, RATE, DynamicsParameters(slope, 0.1)) for slope in (-0.3, 0, 0.4)
    )
    crests = [crest_db(x[None]) for x in (compressed, unchanged, expanded)]
    assert crests[0] < crests[1] - 0.3 < crests[2] - 0.6
    torch.testing.assert_close(rms_db(expanded[None]), rms_db(hits[None]), atol=0.01, rtol=0)
    # One gain for both channels: their ratio is the same.
    torch.testing.assert_close(expanded[0] * hits[1], expanded[1] * hits[0], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(unchanged, hits)


def lag(x, y):
    """Delay of y relative to x in samples."""
    n = 2 * x.shape[-1]
    product = np.fft.rfft(y[0].numpy(), n) * np.conj(np.fft.rfft(x[0].numpy(), n))
    peak = int(np.fft.irfft(product, n).argmax())
    return peak if peak < n // 2 else peak - n


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("compression", [0.1, 0.4, MAX_COMPRESSION])
def test_codec_keeps_alignment_spectrum_and_level(hits, name, compression):
    changed = Codec().process(hits, RATE, CodecParameters(name, compression))
    assert changed.shape == hits.shape
    assert lag(hits, changed) == 0
    correlation = torch.corrcoef(torch.stack([changed.flatten(), hits.flatten()]))[0, 1]
    assert 0.7 < correlation < 0.9999  # similar, but not equal
    bands = (CENTRES >= 60) & (CENTRES <= 12_500)
    change_db = (bands_db(changed) - bands_db(hits)).numpy()[bands]
    assert np.abs(change_db).max() < 1.5
    torch.testing.assert_close(rms_db(changed[None]), rms_db(hits[None]), atol=0.6, rtol=0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 48_000, 96_000])
@pytest.mark.parametrize("name", FORMATS)
def test_codec_keeps_alignment_at_any_rate(hits, name, rate):
    changed = Codec().process(hits, rate, CodecParameters(name, MAX_COMPRESSION))
    assert changed.shape == hits.shape
    assert lag(hits, changed) == 0


def test_codec_does_not_clip_levels_above_full_scale(hits):
    changed = Codec().process(30.0 * hits, RATE, CodecParameters("MP3", 0.1))
    expected = 30.0 * Codec().process(hits, RATE, CodecParameters("MP3", 0.1))
    assert residual_db(changed, expected) < -20  # encoders amplify rounding errors


def test_codec_rejects_too_strong_compression():
    with pytest.raises(ValueError, match=r"compression .*0\.7.*0\.1 to 0\.9"):
        Codec((0.1, 0.9))
