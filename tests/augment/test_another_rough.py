"""What another desk, medium or room keeps of the sound, and what it changes by how much."""

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

RATE = 44_100


def bands_db(x):
    """[bands] of both channels together."""
    return third_octave_db(x[None], RATE).mean(dim=(0, 1))


CENTRES = np.array(third_octave_centres(RATE))


def test_level_is_a_gain(noise):
    changed = Level().process(noise, RATE, -7.0)
    torch.testing.assert_close(changed, noise * 10 ** (-7 / 20))


def test_clipping_cuts_the_peaks_and_keeps_the_rest(noise):
    changed = Clipping().process(noise, RATE, 3.0)
    assert float(peak_db(noise[None]) - peak_db(changed[None])) == pytest.approx(3.0, abs=1e-3)
    below = noise.abs() < changed.abs().amax()
    assert torch.equal(changed[below], noise[below])
    assert 0 < (~below).float().mean() < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_the_equaliser_draws_its_curve_and_keeps_the_level(noise, seed):
    step = Equaliser(6.0)
    drawn = step.draw_parameters(np.random.default_rng(seed))
    changed = step.process(noise, RATE, drawn)
    torch.testing.assert_close(rms_db(changed[None]), rms_db(noise[None]), atol=0.01, rtol=0)
    moved = (bands_db(changed) - bands_db(noise)).numpy()
    wanted = np.interp(np.log2(CENTRES), np.log2(NODES_HZ), drawn)
    difference = (moved - wanted)[CENTRES >= 60]  # the level's compensation is in all of them
    assert np.ptp(difference) < 3.0  # straight lines here, a smooth curve there
    at_nodes = [int(np.abs(CENTRES - hz).argmin()) for hz in NODES_HZ[2:-1]]
    assert np.ptp((moved - wanted)[at_nodes]) < 1.5


def test_its_impulse_response_is_minimum_phase():
    fir = minimum_phase(Equaliser().draw_parameters(np.random.default_rng(0)), RATE)
    assert int(fir.abs().argmax()) == 0
    energy = fir.square().cumsum(0) / fir.square().sum()
    assert energy[RATE // 100] > 0.95  # at the front, nothing before the attack
    flat = minimum_phase([0.0] * len(NODES_HZ), RATE)
    assert flat[0] == pytest.approx(1.0)
    assert flat[1:].abs().max() < 1e-6


def test_the_image_keeps_the_mid(noise):
    changed = StereoImage().process(noise, RATE, StereoImageParameters(-5.0, 0.0, 100.0))
    torch.testing.assert_close(changed.mean(0), noise.mean(0), atol=1e-6, rtol=0)
    moved = width_db(changed[None]) - width_db(noise[None])
    assert float(moved) == pytest.approx(-5.0, abs=0.1)
    low = StereoImage().process(noise, RATE, StereoImageParameters(0.0, -6.0, 250.0))
    side = [third_octave_db((x[:1] - x[1:])[None], RATE)[0, 0] for x in (noise, low)]
    dropped = (side[0] - side[1]).numpy()
    np.testing.assert_allclose(dropped[CENTRES < 50], 6.0, atol=0.6)
    assert abs(dropped[CENTRES > 2000]).max() < 0.2


def test_mono_stays_mono(sine):
    changed = StereoImage().process(sine(300.0), RATE, StereoImageParameters(6.0, -6.0, 100.0))
    torch.testing.assert_close(changed, sine(300.0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("slope_db", [-6.0, 0.0])
def test_noise_is_as_far_below_as_drawn_and_has_its_colour(noise, slope_db):
    added = Noise().process(noise, RATE, NoiseParameters(50.0, slope_db, 7)) - noise
    assert float(rms_db(noise[None]) - rms_db(added[None])) == pytest.approx(50.0, abs=0.05)
    levels = bands_db(added).numpy()
    per_octave = np.polyfit(np.log2(CENTRES[3:-1]), levels[3:-1], 1)[0]
    assert per_octave == pytest.approx(slope_db + 3.0, abs=0.5)  # a band grows with its centre
    correlation = torch.corrcoef(added)[0, 1]
    assert abs(correlation) < 0.2


def test_bandwidth_ends_at_half_the_lower_rate(noise):
    changed = Bandwidth().process(noise, RATE, 24_000.0)
    power = [torch.fft.rfft(x).abs().square().mean(0) for x in (noise, changed)]
    hz = torch.fft.rfftfreq(noise.shape[-1], 1 / RATE)
    kept = (power[1] / power[0])[(hz > 20) & (hz < 10_700)]
    assert abs(10 * torch.log10(kept.mean())) < 0.05
    assert power[1][hz > 12_100].mean() < 1e-6 * power[0].mean()
    assert Bandwidth().process(noise, RATE, 48_000.0) is noise


def test_expansion_and_its_opposite_keep_level_and_image(hits):
    crests = [
        crest_db(Dynamics().process(hits, RATE, DynamicsParameters(s, 0.1))[None])
        for s in (-0.3, 0, 0.4)
    ]
    assert crests[0] < crests[1] - 0.3 < crests[2] - 0.6
    changed = Dynamics().process(hits, RATE, DynamicsParameters(0.4, 0.1))
    torch.testing.assert_close(rms_db(changed[None]), rms_db(hits[None]), atol=0.01, rtol=0)
    # One gain for both channels: their ratio stays.
    torch.testing.assert_close(changed[0] * hits[1], changed[1] * hits[0], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(Dynamics().process(hits, RATE, DynamicsParameters(0.0, 0.1)), hits)


def lag(x, y):
    """Samples by which y comes later than x."""
    n = 2 * x.shape[-1]
    product = np.fft.rfft(y[0].numpy(), n) * np.conj(np.fft.rfft(x[0].numpy(), n))
    place = int(np.fft.irfft(product, n).argmax())
    return place if place < n // 2 else place - n


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("compression", [0.1, 0.4, MAX_COMPRESSION])
def test_a_codec_neither_shifts_nor_colours(hits, name, compression):
    changed = Codec().process(hits, RATE, CodecParameters(name, compression))
    assert changed.shape == hits.shape
    assert lag(hits, changed) == 0
    likeness = torch.corrcoef(torch.stack([changed.flatten(), hits.flatten()]))[0, 1]
    assert 0.7 < likeness < 0.9999  # it was compressed, and it is still this sound
    audible = (CENTRES >= 60) & (CENTRES <= 12_500)
    moved = (bands_db(changed) - bands_db(hits)).numpy()[audible]
    assert np.abs(moved).max() < 1.5
    torch.testing.assert_close(rms_db(changed[None]), rms_db(hits[None]), atol=0.6, rtol=0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 48_000, 96_000])
@pytest.mark.parametrize("name", FORMATS)
def test_a_codec_keeps_the_time_at_any_rate(hits, name, rate):
    changed = Codec().process(hits, rate, CodecParameters(name, MAX_COMPRESSION))
    assert changed.shape == hits.shape
    assert lag(hits, changed) == 0


def test_a_codec_does_not_clip_a_hot_rough(hits):
    hot = 30.0 * hits
    changed = Codec().process(hot, RATE, CodecParameters("MP3", 0.1))
    same = 30.0 * Codec().process(hits, RATE, CodecParameters("MP3", 0.1))
    assert (changed - same).norm() < 0.1 * same.norm()  # an encoder answers roundings


def test_what_no_encoder_can_align_is_refused():
    with pytest.raises(ValueError, match=r"compression must lie in 0–0\.7, got 0\.1 to 0\.9"):
        Codec((0.1, 0.9))
