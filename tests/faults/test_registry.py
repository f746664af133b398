"""Every fault: its generator, its detector, its text and what mends it."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from ai_mixer.faults.find import figure_of, find_faults
from ai_mixer.faults.observations import ObservationMeter, observe
from ai_mixer.faults.reference import packaged_reference
from ai_mixer.faults.registry import FAULTS
from ai_mixer.mixing.console_cache import shared_console
from helpers.datasets import small_song

RATE = 44_100
NAMES = (
    "boomy muddy boxy harsh dull thin resonant narrow noisy hum clicks,too wide,too dynamic,"
    "low end out of phase,dead channel,swapped channels,inverted channel,DC offset,hard clipping,"
    "soft clipping,inter-sample clipping,over-compressed,codec band limit,mono loss"
)


@pytest.fixture(scope="module")
def song():
    """[2, T] float32, 6 s, with a bass."""
    parts = [small_song(number) for number in range(2)]
    audio = torch.from_numpy(np.concatenate(parts).T).float()
    time_s = torch.arange(audio.shape[-1]) / RATE
    return audio + 0.05 * torch.sin(2 * torch.pi * 80.0 * time_s) * (time_s % 0.5 < 0.25)


@pytest.fixture(scope="module")
def clean(song):
    return observe(song, RATE)


def damaged(name, song):
    fault = FAULTS[name]
    audio = fault.generate(song, RATE, fault.strong)
    observations = observe(audio, RATE)
    if name == "swapped channels":
        other = observe(FAULTS["dull"].generate(song, RATE, 6.0), RATE)
        return audio, observations, other
    return audio, observations, None


def test_all_faults_are_there():
    first, *others = NAMES.split(",")
    assert set(FAULTS) == {*first.split(), *others}


@pytest.mark.parametrize("name", FAULTS)
def test_a_strong_fault_raises_its_score(name, song, clean):
    fault, reference = FAULTS[name], packaged_reference()
    audio, observations, other = damaged(name, song)
    assert audio.shape == song.shape
    assert audio.isfinite().all()
    before, after = (
        fault.score(replace(one, other=other), reference) for one in (clean, observations)
    )
    limit = fault.threshold if fault.threshold is not None else reference.thresholds[name]
    if fault.by_profile:  # how much it rises depends on what else is unusual in the song
        moved = clean.profile + abs(fault.strong) * reference.directions[name]
        after = fault.score(replace(clean, profile=moved), reference)
    assert after > before
    if not fault.by_profile and name not in {"resonant", "soft clipping"}:
        assert before < limit < after, (before, limit, after)
    figure = figure_of(fault, replace(observations, other=other), reference)
    assert re.search(r"\d", fault.text(figure))


@pytest.mark.parametrize("name", FAULTS)
def test_what_mends_a_fault_is_within_the_ranges_of_the_console(name):
    for figure in (0.5, 9.0, 40.0):
        remedy = FAULTS[name].remedy(figure)
        assert remedy.classic or remedy.mastering or remedy.advice or remedy.ceiling_db
        for key, settings in (("classic", remedy.classic), ("mastering", remedy.mastering)):
            shared_console(key).knobs_from(dict(settings))  # raises for an unknown knob or value


def test_observations_do_not_depend_on_the_blocks(song, clean):
    meter = ObservationMeter(RATE)
    for block in song.split(30_000, -1):
        meter.push(block)
    again = meter.read()
    assert torch.allclose(again.profile, clean.profile)
    assert torch.allclose(again.clicks, clean.clicks)
    assert again.true_peak_db == pytest.approx(clean.true_peak_db, abs=1e-3)


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_and_fragments_have_no_faults(channels):
    for length in (100, 5000, 2 * RATE):
        assert find_faults(observe(torch.zeros(channels, length), RATE)) == []


@pytest.mark.parametrize("rate", [8_000, 22_050, 96_000])
def test_songs_of_every_rate_are_observed(rate):
    audio = 0.1 * torch.randn(2, 2 * rate, generator=torch.Generator().manual_seed(0))
    find_faults(observe(audio, rate))


def test_a_fault_hides_those_that_it_causes(song):
    audio = FAULTS["inverted channel"].generate(song, RATE, 1.0)
    names = [found.fault.name for found in find_faults(observe(audio, RATE))]
    assert "inverted channel" in names
    assert not {"mono loss", "too wide", "low end out of phase"} & set(names)
