"""Spectrum matching: 70 % of the difference in spectrum, width and loudness."""

from dataclasses import replace

import pytest
import torch

from ai_mixer.dsp.levels import width_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import mid_side, power_to_db, third_octave_power
from ai_mixer.evaluation.baselines.spectrum_match import MATCH_AMOUNT, SpectrumMatch, equalise

RATE = 44100


def bands(x):
    return power_to_db(third_octave_power(x, RATE).mean(1)) - loudness_lufs(x, RATE)[:, None]


def test_matching_equal_audio_is_the_identity(batch):
    same = replace(batch, finished=batch.rough)
    error = SpectrumMatch().mix(same, "paired").audio - batch.rough
    assert error.abs().max() < 1e-4 * batch.rough.abs().max()


def test_spectrum_width_and_loudness_change_by_70_percent(batch):
    mid, side = mid_side(batch.rough).unbind(1)
    tilted = torch.stack([mid + 2 * side, mid - 2 * side], 1)
    tilted = 0.25 * (tilted + 0.6 * tilted.roll(1, -1))
    other = replace(batch, finished=tilted)
    mix = SpectrumMatch().mix(other, "paired").audio
    amount = (bands(mix) - bands(batch.rough)) / (bands(tilted) - bands(batch.rough))
    moved = (bands(tilted) - bands(batch.rough)).abs() > 1.5
    moved[:, -4:] = False  # smoothing over bands flattens the steepest end
    assert moved.any()
    assert (amount[moved] - MATCH_AMOUNT).abs().max() < 0.12
    for meter in (width_db, lambda x: loudness_lufs(x, RATE)):
        before, after, target = (meter(x) for x in (batch.rough, mix, tilted))
        assert ((after - before) / (target - before)).tolist() == pytest.approx(
            [MATCH_AMOUNT] * 2, abs=0.1
        )


def test_equaliser_is_zero_phase_and_has_the_given_gain():
    """An impulse keeps its position; a flat gain of 6 dB doubles it."""
    impulse = torch.zeros(1, 1, 20_000)
    impulse[..., 9000] = 1.0
    flat = equalise(impulse, RATE, torch.full((1, 28), 6.0206))
    assert flat[0, 0, 9000] == pytest.approx(2.0, abs=1e-3)
    assert flat[..., :9000].abs().max() < 1e-3
    bent = equalise(impulse, RATE, torch.linspace(-6, 6, 28)[None])
    assert int(bent.abs().argmax()) == 9000
    assert torch.allclose(bent[..., 8000:9000].flip(-1), bent[..., 9001:10_001], atol=1e-5)


def test_batch_equals_single_song_and_mono_stays_mono(batch):
    together = SpectrumMatch().mix(batch, "reference").audio
    alone = SpectrumMatch().mix(batch.first(1), "reference").audio
    assert torch.allclose(together[:1], alone, atol=1e-6)
    parts = {name: getattr(batch, name)[:, :1] for name in ("rough", "finished", "reference")}
    assert SpectrumMatch().mix(replace(batch, **parts), "reference").audio.shape[1] == 1


def test_silence_stays_silent(batch):
    quiet = replace(batch, rough=torch.zeros_like(batch.rough))
    assert SpectrumMatch().mix(quiet, "paired").audio.abs().max() == 0
