"""The fit through the console: exact where the mix is the console's own, in any order."""

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.models.track_bus_search import add_bus
from ai_mixer.models.track_features import TrackFeatureExtractor
from ai_mixer.models.track_fit import fit_mix
from ai_mixer.models.track_fit_descent import Prior, descend
from ai_mixer.models.track_fit_problem import MixProblem, Point

RATE, SAMPLES = 44_100, 22_050
SETTINGS = {
    "fader_db": [-6.0, 3.0, 0.0],
    "pan": [-0.5, 0.0, 0.8],
    "peak1_hz": [400.0, 400.0, 300.0],
    "peak1_db": [6.0, 0.0, -5.0],
    "high_shelf_hz": [8000.0, 5000.0, 8000.0],
    "high_shelf_db": [0.0, -5.0, 0.0],
    "compressor_threshold_db": [-18.0, -24.0, -18.0],
    "compressor_ratio": [1.0, 4.0, 1.0],
    "reverb_send": [0.0, 0.0, 0.4],
}
ERRORS = {
    "fader_db": 0.1,
    "pan": 0.005,
    "peak1_db": 0.2,
    "high_shelf_db": 0.2,
    "compressor_ratio": 0.3,
    "reverb_send": 0.01,
}


@pytest.fixture(scope="module")
def console():
    return load_console("studio")


@pytest.fixture(scope="module")
def mixed(console):
    """Three tracks of noise whose level moves, their true knobs, and their mix."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 1, SAMPLES, generator=generator)
    time_s = torch.arange(SAMPLES) / RATE
    movement = torch.stack([(torch.sin(rate * 6.3 * time_s) + 1.1) for rate in (3.0, 5.0, 7.0)])
    tracks = (0.05 * noise * movement[:, None]).expand(-1, 2, -1)
    true = console.neutral(3)
    for number, knob in enumerate(console.layout.strip):
        if knob.name in SETTINGS:
            true.strips[0, :, number] = knob.to_position(torch.tensor(SETTINGS[knob.name]))
    return tracks, true, console(tracks[None], RATE, true, limit=False)[0]


def fitted(console, tracks, mix):
    neutral = console.neutral(len(tracks))
    mean = Point(neutral.strips[0].double(), neutral.buses[0].double())
    prior = Prior(mean, Point(*(torch.full_like(part, 0.25) for part in mean)))
    found = TrackFeatureExtractor(RATE).identify(tracks, mix)
    return fit_mix(console, tracks, mix, RATE, prior, found)


@pytest.fixture(scope="module")
def fit(console, mixed):
    tracks, _, mix = mixed
    return fitted(console, tracks, mix)


@pytest.mark.parametrize("name", ERRORS)
def test_the_settings_of_every_strip_are_found(console, fit, name):
    column = console.names.index(name)
    knob = console.layout.strip[column]
    values = knob.to_physical(fit.positions.strips[:, column])
    assert values.tolist() == pytest.approx(SETTINGS[name], abs=ERRORS[name])


def test_the_fitted_knobs_render_the_finished_mix(console, mixed, fit):
    tracks, true, mix = mixed
    knobs = GraphKnobs(*(part[None].float() for part in fit.positions), true.master)
    rest = console(tracks[None], RATE, knobs, limit=False)[0] - mix
    assert 10.0 * (rest.square().mean() / mix.square().mean()).log10() < -60.0
    assert fit.residual_db < -60.0


@pytest.mark.slow
def test_the_order_of_the_tracks_changes_only_the_order_of_the_result(console, mixed, fit):
    tracks, _, mix = mixed
    order = torch.tensor([2, 0, 1])
    moved = fitted(console, tracks[order], mix).positions.strips
    for name in ERRORS:
        column = console.names.index(name)
        assert moved[:, column].allclose(fit.positions.strips[order, column], atol=2e-3), name


def test_a_certain_prior_is_kept(console, mixed):
    tracks, _, mix = mixed
    problem = MixProblem(console, tracks, mix, RATE)
    neutral = console.neutral(3)
    start = Point(neutral.strips[0].double(), neutral.buses[0].double())
    free = Point(torch.zeros_like(start.strips).bool(), torch.zeros_like(start.buses).bool())
    column = console.names.index("fader_db")
    free.strips[:, column] = True
    moved = {}
    for std in (1e-6, 0.25):
        prior = Prior(start, Point(*(torch.full_like(part, std) for part in start)))
        found = descend(problem, start, free, prior, 2).point.strips[:, column]
        moved[std] = (found - start.strips[:, column]).abs().max()
    assert moved[1e-6] < 1e-4 < 1e-2 < moved[0.25]


def test_the_lag_of_a_reverb_is_found_in_what_remains(console, mixed):
    tracks, true, _ = mixed
    point = Point(true.strips[0].double().clone(), true.buses[0].double().clone())
    point.buses[1] = 0.7
    mix = console(tracks[None], RATE, true._replace(buses=point.buses[None].float()), limit=False)
    problem = MixProblem(console, tracks, mix[0], RATE)
    point.strips[:, -2:] = 0.0
    name, found = add_bus(problem, point, problem.render(point), ["reverb", "delay"])
    assert name == "reverb"
    assert float(found.buses[1]) == pytest.approx(0.7, abs=1e-3)
    assert float(found.strips[2, -2]) > 0.3 > float(found.strips[:2, -2].max())


def test_derivatives_agree_with_central_differences(console, mixed):
    tracks, true, mix = mixed
    problem = MixProblem(console, tracks, mix, RATE)
    point = Point(true.strips[0].double() * 0.9 + 0.03, true.buses[0].double())
    point.strips[:, -2:] = 0.0  # what a strip changes of the buses is left out
    free = Point(torch.zeros_like(point.strips).bool(), torch.zeros_like(point.buses).bool())
    chosen = [console.names.index(name) for name in ("peak1_db", "fader_db", "reverb_send")]
    free.strips[1, chosen] = True
    slopes = problem.jacobian(point, problem.render(point), free)
    values = point.select(free)
    for number in range(len(values)):
        low, high = (
            problem.render(point.replace(free, values + torch.eye(3).double()[number] * step)).rows
            for step in (0.0, 2e-3)
        )
        expected = (high - low) / 2e-3
        assert (slopes[number] - expected).norm() < 0.02 * expected.norm()
