"""Refinement of strips with the finished mix: exact where the sound determines the knobs."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.inference.track_refinement import refine_strips
from ai_mixer.models.track_features import TrackFeatureExtractor

RATE = 44_100
SETTINGS = {
    "fader_db": [-6.0, 3.0, 0.0],
    "pan": [-0.5, 0.0, 0.8],
    "peak1_db": [6.0, 0.0, 0.0],
    "high_shelf_db": [0.0, -5.0, 0.0],
}


@pytest.fixture(scope="module")
def refined():
    """Name → (true, predicted, refined) values of three tracks of noise."""
    console = load_console("studio")
    generator = torch.Generator().manual_seed(0)
    mono = 0.05 * torch.randn(1, 3, 1, 2 * RATE, generator=generator)
    tracks = mono.expand(-1, -1, 2, -1)
    true = console.neutral(3)
    columns = {knob.name: (n, knob) for n, knob in enumerate(console.layout.strip)}
    for name, values in SETTINGS.items():
        column, knob = columns[name]
        true.strips[0, :, column] = knob.to_position(torch.tensor(values))
    finished = console(tracks, RATE, true, limit=False)[0]
    predicted = console.neutral(3).strips[0]
    extractor = TrackFeatureExtractor(RATE)
    knobs = refine_strips(
        console,
        extractor.identify(tracks[0], finished),
        predicted,
        torch.full_like(predicted, 0.2),
        extractor.band_centres_hz,
        RATE,
    )
    return {
        name: tuple(knob.to_physical(x[:, n]) for x in (true.strips[0], predicted, knobs))
        for name, (n, knob) in columns.items()
    }


@pytest.mark.parametrize(("name", "error"), [("fader_db", 0.5), ("pan", 0.02)])
def test_level_and_pan_are_found(refined, name, error):
    true, _, found = refined[name]
    assert found.tolist() == pytest.approx(true.tolist(), abs=error)


@pytest.mark.parametrize("name", ["peak1_db", "high_shelf_db"])
def test_gains_of_the_equaliser_come_nearer(refined, name):
    true, predicted, found = refined[name]
    assert (found - true).abs().mean() < 0.5 * (predicted - true).abs().mean()


def test_what_a_response_does_not_show_stays_as_predicted(refined):
    for name in ("compressor_ratio", "reverb_send", "compressor_attack_ms"):
        _, predicted, found = refined[name]
        assert found.allclose(predicted)
