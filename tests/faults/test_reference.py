"""Normality of profiles, and the statistics of the detectors."""

import json

import pytest
import torch

from ai_mixer.dsp import filters
from ai_mixer.dsp.recursions import biquad
from ai_mixer.faults.damage_prior import KINDS, draw_damage
from ai_mixer.faults.fault_profile import fault_profile, fault_profile_names
from ai_mixer.faults.fine_spectrum import resonance_templates
from ai_mixer.faults.reference import FILE, packaged_reference
from ai_mixer.faults.registry import FAULTS
from ai_mixer.metrics.normality import Normality
from ai_mixer.metrics.sound_profile import profile, profile_names

RATE = 44_100


def songs(count=300, features=6, seed=0):
    """Correlated profiles [N, F]."""
    generator = torch.Generator().manual_seed(seed)
    common = 5.0 * torch.randn(count, 1, generator=generator)
    return common + torch.randn(count, features, generator=generator)


def test_the_amount_of_a_change_is_recovered_where_songs_do_not_differ():
    normality, part = Normality.fit(songs()), torch.arange(6)
    single, tilt = torch.eye(6)[0], torch.ones(6)
    changed = songs(seed=1)
    for direction, largest_std in ((single, 2.5), (tilt, 6.0)):
        amounts = normality.amount(changed + 7.0 * direction, direction, part)
        assert float(amounts.mean()) == pytest.approx(7.0, abs=0.7)
        assert float(amounts.std()) < largest_std
    narrow, wide = (
        float(normality.amount(changed, direction, part).std()) for direction in (single, tilt)
    )
    assert narrow < wide


def test_an_outlier_counts_no_more_than_the_limit():
    normality = Normality.fit(songs())
    far = normality.deviations(songs(1) + 1e6)
    assert torch.allclose(far[0], 4.0 * normality.std)


def test_one_song_is_no_distribution():
    with pytest.raises(ValueError, match="two songs or more, got 1"):
        Normality.fit(songs(1))


def test_a_gain_does_not_change_the_profile_and_an_equaliser_adds_a_constant():
    noise = 0.05 * torch.randn(1, 2, RATE * 2, generator=torch.Generator().manual_seed(0))
    before = profile(noise, RATE)
    assert before.shape == (1, len(profile_names(RATE)))
    assert torch.allclose(profile(0.1 * noise, RATE), before, atol=0.01)
    wider = torch.stack(
        [1.5 * noise[:, 0] - 0.5 * noise[:, 1], 1.5 * noise[:, 1] - 0.5 * noise[:, 0]], 1
    )
    change = (profile(wider, RATE) - before)[0]
    widths = [n for n, name in enumerate(profile_names(RATE)) if name.startswith("width")]
    assert torch.allclose(change[widths], torch.full((28,), 6.02), atol=0.1)


def test_the_packaged_statistics_are_complete():
    reference = packaged_reference()
    size = len(fault_profile_names(RATE))
    assert reference.profiles.shape[1] == size
    assert reference.normality.covariance.shape == (size, size)
    for normality in (reference.normality, reference.resonances):
        assert torch.linalg.eigvalsh(normality.covariance).min() > 0
    for name, fault in FAULTS.items():
        assert fault.by_profile == (name in reference.directions)
        assert (fault.threshold is None) == (name in reference.thresholds)
    again = json.loads(reference.to_json())
    assert again == json.loads(FILE.read_text())


def test_most_finished_songs_are_less_abnormal_than_the_same_songs_with_a_fault():
    reference = packaged_reference()
    for name in ("boomy", "harsh"):
        parts = ("level", "contrast")
        change = 9.0 * reference.directions[name]
        before, after = (
            torch.tensor([reference.abnormality(name, one, 9.0, parts) for one in songs])
            for songs in (reference.profiles[::9], reference.profiles[::9] + change)
        )
        assert (after > before).all()
        assert before.median() < 0 < after.median()


def test_a_resonance_is_measured_in_the_contrast():
    reference = packaged_reference()
    clean = reference.resonances.mean
    score, figure_db = reference.resonance(clean + 9.0 * resonance_templates()[30])
    assert score > reference.resonance(clean)[0] + 2
    assert figure_db == pytest.approx(9.0, abs=2.0)


def test_a_fault_profile_is_independent_of_the_level_and_shows_slow_and_fast_changes():
    time_s = torch.arange(4 * RATE) / RATE
    noise = 0.05 * torch.randn(2, 2, 4 * RATE, generator=torch.Generator().manual_seed(0))
    noise[1] *= 1 + 0.9 * torch.sin(2 * torch.pi * time_s)  # once a second
    steady, slow = fault_profile(noise, RATE)
    assert torch.allclose(fault_profile(0.1 * noise, RATE)[1], slow, atol=0.02)
    names = fault_profile_names(RATE)
    long, short = (names.index(f"spread_{length}ms_all") for length in (320, 10))
    assert slow[long] > steady[long] + 3
    assert slow[short] > steady[short] + 1
    peak = apply_peak(noise[:1])
    risen = fault_profile(peak, RATE)[0] - steady
    assert names[int(risen.argmax())].split("_")[1] == "1000hz"


def apply_peak(audio):
    """9 dB at 1 kHz."""
    return biquad(audio, *filters.peak(torch.tensor([9.0]), 1000.0, 2.0, RATE))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_damage_is_drawn(kind):
    import numpy as np

    audio = 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(1))
    first, again, other = (
        draw_damage(kind, np.random.default_rng(seed))(audio, RATE) for seed in (0, 0, 1)
    )
    assert first.shape == audio.shape
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
