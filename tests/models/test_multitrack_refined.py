"""The refined model: what is fitted, what keeps the prediction, any number of tracks."""

from dataclasses import replace

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS
from ai_mixer.models import track_fit
from ai_mixer.models.multitrack_refined import MultitrackRefined
from ai_mixer.models.multitrack_transformer import MultitrackTransformer

RATE, SAMPLES = 44_100, 8_192
PAIRED, BLIND = CONDITIONS.index("paired"), CONDITIONS.index("blind")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """The tests of the fit itself are in test_track_fit.py."""
    monkeypatch.setattr(track_fit, "ROUNDS", 0)
    monkeypatch.setattr(track_fit, "LAST_STEPS", 3)


@pytest.fixture(scope="module")
def console():
    return load_console("studio")


@pytest.fixture(scope="module")
def model(console):
    torch.manual_seed(0)
    layout = console.layout
    song_knobs = layout.bus_knobs + len(layout.master)
    return MultitrackRefined(
        len(layout.strip), song_knobs, RATE, console, width=16, layers=1
    ).eval()


def batch(console, tracks, conditions=(PAIRED,), absent=0, seed=0):
    """Songs of noise whose faders and pans differ."""
    generator = torch.Generator().manual_seed(seed)
    songs, count = len(conditions), tracks + absent
    audio = 0.02 * torch.randn(songs, count, 1, SAMPLES, generator=generator).expand(-1, -1, 2, -1)
    mask = (torch.arange(count) < tracks).expand(songs, -1)
    audio = audio * mask[..., None, None]
    knobs = console.neutral(count, songs)
    for name in ("fader_db", "pan"):
        column = console.names.index(name)
        moved = 0.3 + 0.4 * torch.rand(songs, count, generator=generator)
        knobs.strips[..., column] = moved
    finished = console(audio, RATE, knobs, mask, limit=False)
    flat = knobs.flat()
    return TrackBatch(
        rough=audio.sum(1),
        finished=finished,
        reference=finished,
        condition=torch.tensor(conditions),
        knobs=flat,
        mask=torch.ones_like(flat, dtype=torch.bool),
        genre=torch.full((songs,), -1),
        sample_rate=RATE,
        song_id=[str(n) for n in range(songs)],
        tracks=audio,
        track_mask=mask,
        roles=torch.full((songs, count), -1),
        raw_gain_db=torch.zeros(songs, count),
    )


def strips(console, flat):
    return console.layout.from_flat(flat).strips


@torch.no_grad()
def test_paired_songs_are_fitted_and_the_rest_of_the_batch_is_predicted(console, model):
    given = batch(console, 2, (PAIRED, BLIND), absent=1)
    refined, predicted = model(given), MultitrackTransformer.forward(model, given)
    own, base, true = (strips(console, x) for x in (refined.knobs, predicted.knobs, given.knobs))
    column = console.names.index("pan")  # noise of one level: a compressor is a fader
    assert own[0, :2, column].tolist() == pytest.approx(true[0, :2, column].tolist(), abs=0.01)
    assert own[0, 2].equal(base[0, 2])  # no track
    assert refined.knobs[1].equal(predicted.knobs[1])  # blind
    assert (refined.uncertainty > 0).all()
    single = model(batch(console, 2, (PAIRED, BLIND), absent=1).first(1))
    assert single.knobs[0].allclose(refined.knobs[0], atol=1e-2)


@torch.no_grad()
def test_silent_tracks_keep_the_prediction(console, model):
    given = batch(console, 2)
    given.tracks[:, 1] = 0.0
    predicted = MultitrackTransformer.forward(model, given)
    refined = strips(console, model(given).knobs)
    assert refined.isfinite().all()
    assert refined[0, 1].equal(strips(console, predicted.knobs)[0, 1])


@torch.no_grad()
def test_a_silent_mix_and_cached_features_give_the_prediction(console, model):
    given = batch(console, 2)
    predicted = MultitrackTransformer.forward(model, given)
    silent = replace(given, reference=torch.zeros_like(given.reference))
    expected = MultitrackTransformer.forward(model, silent)
    assert model(silent).knobs.equal(expected.knobs)
    cached = replace(
        given,
        rough=given.rough[..., :0],
        tracks=given.tracks[..., :0],
        track_features=model.extract(given),
    )
    assert model(cached).knobs.allclose(predicted.knobs)


@pytest.mark.slow
@pytest.mark.parametrize("tracks", [1, 64])
@torch.no_grad()
def test_any_number_of_tracks_is_fitted(console, model, tracks):
    given = batch(console, tracks)
    knobs = model(given).knobs
    assert knobs.isfinite().all()
    column = console.names.index("pan")
    error = (strips(console, knobs) - strips(console, given.knobs))[0, :, column].abs()
    assert error.mean() < 0.05
