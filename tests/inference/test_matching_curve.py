"""Corrections towards references: shares, certainty, width, weights."""

import pytest
import torch

from ai_mixer.dsp.linear_phase import filter_mid_side, linear_phase_response
from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.inference.matching_curve import (
    MONO_BASS_HZ,
    Levels,
    estimate_correction,
    keep_width_between,
    long_term_levels,
    remaining_correction,
)
from helpers.signals import noise

RATE = 44_100
CENTRES = torch.tensor(third_octave_centres(RATE))
BANDS = len(CENTRES)
SHELF = -6.0 * torch.sigmoid((CENTRES.log2() - 12.5) * 2)  # −6 dB above 6 kHz


def levels(mid_db, side_db=-6.0, std_db=1.0, mono=False):
    powers = [torch.as_tensor(db, dtype=torch.float64).expand(BANDS) for db in (mid_db, side_db)]
    power = 10 ** (torch.cat(powers) / 10)
    return Levels(power, torch.full_like(power, std_db**2), mono)


def change(correction, which="mid_db"):
    gains = getattr(correction, which)
    return gains - gains[:20].mean()


def test_the_whole_difference_and_half_of_it():
    song, reference = levels(SHELF), levels(0.0)
    whole = estimate_correction(song, [reference], [1.0], 1.0, 1.0)
    half = estimate_correction(song, [reference], [1.0], 0.5, 0.5)
    wanted = -(SHELF - SHELF[:20].mean())
    torch.testing.assert_close(change(whole), wanted.double(), atol=0.05, rtol=0)
    torch.testing.assert_close(change(half), wanted.double() / 2, atol=0.05, rtol=0)


def test_a_broad_difference_is_certain_and_a_single_band_is_not():
    song = levels(SHELF)
    single = torch.zeros(BANDS)
    single[12] = 6.0
    broad = estimate_correction(song, [levels(0.0)], [1.0])
    narrow = estimate_correction(levels(0.0), [levels(single)], [1.0])
    assert 3.0 < float(change(broad)[-1]) < 6.5
    assert float(change(narrow)[12]) < 1.5


def test_less_is_certain_of_a_short_reference_and_where_references_disagree():
    song = levels(SHELF)
    steady, loose = levels(0.0), levels(0.0, std_db=6.0)
    certain, uncertain = (estimate_correction(song, [r], [1.0]) for r in (steady, loose))
    assert change(uncertain)[-1] < change(certain)[-1] - 0.2
    short = long_term_levels(noise(2, seconds=1.0), RATE)
    assert float(short.variance.min()) >= 36.0


def test_weights_move_the_target():
    song, references = levels(0.0), [levels(SHELF), levels(0.0)]
    equal = estimate_correction(song, references, [1.0, 1.0], 1.0, 1.0)
    heavy = estimate_correction(song, references, [3.0, 1.0], 1.0, 1.0)
    shelf_db = float(SHELF[-1] - SHELF[:20].mean())
    assert float(change(equal)[-1]) == pytest.approx(0.5 * shelf_db, abs=0.02)
    assert float(change(heavy)[-1]) == pytest.approx(0.75 * shelf_db, abs=0.02)


def test_the_side_of_the_bass_is_not_raised_and_mono_stays_mono():
    correction = estimate_correction(levels(0.0, -20.0), [levels(0.0, -5.0)], [1.0], 1.0, 1.0)
    width = correction.side_db - correction.mid_db
    bass = CENTRES < MONO_BASS_HZ
    assert (width[bass] <= 0).all()
    assert (width[~bass] > 10).all()
    for song, reference in [
        (levels(0.0, -100.0, mono=True), levels(0.0)),
        (levels(0.0), levels(0.0, -100.0, mono=True)),
    ]:
        correction = estimate_correction(song, [reference], [1.0], 1.0, 1.0)
        torch.testing.assert_close(correction.mid_db, correction.side_db)


def test_a_mono_reference_beside_a_stereo_one_says_nothing_about_the_width():
    song, stereo, mono = levels(0.0, -6.0), levels(0.0, 0.0), levels(0.0, -100.0, mono=True)
    correction = estimate_correction(song, [stereo, mono], [1.0, 1.0], 0.0, 1.0)
    assert float((correction.side_db - correction.mid_db)[-1]) == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("target_db", [-12.0, -8.0, 0.0])
def test_the_width_ends_between_that_of_song_and_reference(target_db):
    song = levels(0.0)
    correction = estimate_correction(song, [levels(0.0, -6.0 + SHELF)], [1.0], 1.0, 1.0)
    moved = keep_width_between(correction, song, -6.0, target_db)
    gains = torch.cat([moved.mid_db, moved.side_db])
    reached = Levels(song.power * 10 ** (gains / 10), song.variance, False).width_db
    reached += -6.0 - song.width_db
    assert min(-6.0, target_db) - 1e-6 <= reached <= max(-6.0, target_db) + 1e-6


def test_a_filter_with_the_whole_correction_has_the_levels_of_the_reference():
    song, other = noise(2, seconds=3, seed=3), noise(2, seconds=3, seed=4)
    tilt = linear_phase_response(torch.linspace(-4, 4, BANDS).expand(2, -1), CENTRES.tolist(), RATE)
    other = torch.cat(list(filter_mid_side([other], *tilt)), -1)
    before, target = (long_term_levels(x, RATE) for x in (song, other))
    correction = estimate_correction(before, [target], [1.0], 1.0, 1.0)
    curve = linear_phase_response(torch.stack([*correction]), CENTRES.tolist(), RATE)
    after = long_term_levels(torch.cat(list(filter_mid_side([song], *curve)), -1), RATE)
    left = remaining_correction(correction, before, after)
    assert float(torch.stack([*left]).abs().max()) < 0.6
    gap = 10 * torch.log10(after.power / target.power)
    above_bass = gap.view(2, -1)[:, 8:]
    assert float((above_bass - above_bass.mean()).abs().max()) < 0.6
