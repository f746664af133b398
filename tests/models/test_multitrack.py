"""Tests of the models of several tracks: order, number of tracks, roles, what they can see."""

import pytest
import torch

from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS
from ai_mixer.models.multitrack_mean import MultitrackMean
from ai_mixer.models.multitrack_ridge import MultitrackRidge
from ai_mixer.models.multitrack_transformer import MultitrackTransformer
from helpers.parameters import first_fast

STRIP, SONG, RATE = 5, 3, 44_100
MODELS = (MultitrackMean, MultitrackRidge, MultitrackTransformer)


def batch(songs=2, tracks=4, condition="paired", seed=0, samples=22_050):
    generator = torch.Generator().manual_seed(seed)
    audio = 0.1 * torch.randn(songs, tracks, 2, samples, generator=generator)
    knobs = torch.rand(songs, tracks * STRIP + SONG, generator=generator)
    gains = knobs[:, : tracks * STRIP].reshape(songs, tracks, STRIP)[..., 0]
    finished = (audio * gains[..., None, None]).sum(1)
    blind = condition == "blind"
    return TrackBatch(
        rough=audio.sum(1),
        finished=finished,
        reference=torch.zeros_like(finished) if blind else finished,
        condition=torch.full((songs,), CONDITIONS.index(condition)),
        knobs=knobs,
        mask=torch.ones_like(knobs, dtype=torch.bool),
        genre=torch.full((songs,), -1),
        sample_rate=RATE,
        song_id=[str(n) for n in range(songs)],
        tracks=audio,
        track_mask=torch.ones(songs, tracks, dtype=torch.bool),
        roles=torch.randint(-1, 8, (songs, tracks), generator=generator),
        raw_gain_db=torch.zeros(songs, tracks),
    )


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    torch.manual_seed(0)
    built = request.param(STRIP, SONG, RATE).eval()
    if hasattr(built, "fit"):
        built.fit([batch(8, condition=name, seed=n) for n, name in enumerate(CONDITIONS)])
    else:
        for parameter in built.parameters():  # heads start near a constant
            torch.nn.init.normal_(parameter, std=0.1)
    return built


def divided(flat, tracks):
    return flat[:, : tracks * STRIP].reshape(len(flat), tracks, STRIP), flat[:, tracks * STRIP :]


@torch.no_grad()
def test_the_order_of_the_tracks_changes_only_the_order_of_their_knobs(model):
    given = batch()
    order = torch.tensor([2, 0, 3, 1])
    permuted = batch()
    for name in ("tracks", "track_mask", "roles", "raw_gain_db"):
        setattr(permuted, name, getattr(given, name)[:, order])
    (strips, song), (moved, same) = (divided(model(x).knobs, 4) for x in (given, permuted))
    assert strips.std(1).max() > 0 or isinstance(model, MultitrackMean)
    assert moved.allclose(strips[:, order], atol=2e-3)
    assert same.allclose(song, atol=2e-3)


@torch.no_grad()
def test_an_absent_track_equals_no_track(model):
    given, longer = batch(tracks=3), batch(tracks=3)
    for name in ("tracks", "track_mask", "roles", "raw_gain_db"):
        own = getattr(given, name)
        setattr(longer, name, torch.cat([own, torch.zeros_like(own[:, :2])], 1))
    (strips, song), (more, same) = divided(model(given).knobs, 3), divided(model(longer).knobs, 5)
    assert more[:, :3].allclose(strips, atol=2e-3)
    assert same.allclose(song, atol=2e-3)


@pytest.mark.parametrize("tracks", first_fast([2, 1, 64], 2))
@torch.no_grad()
def test_any_number_of_tracks_is_accepted(model, tracks):
    prediction = model(batch(1, tracks))
    assert prediction.knobs.shape == (1, tracks * STRIP + SONG)
    assert prediction.knobs.isfinite().all()
    assert ((prediction.knobs >= 0) & (prediction.knobs <= 1)).all()
    if prediction.uncertainty is not None:
        assert (prediction.uncertainty > 0).all()


@torch.no_grad()
def test_a_blind_prediction_does_not_depend_on_the_finished_mix(model):
    given, other = batch(condition="blind"), batch(condition="blind")
    other.finished = other.finished.flip(0)
    assert model(given).knobs.equal(model(other).knobs)


@torch.no_grad()
def test_a_silent_track_gives_finite_knobs(model):
    given = batch()
    given.tracks[0, 1] = 0.0
    assert model(given).knobs.isfinite().all()


@torch.no_grad()
def test_paired_least_squares_finds_the_gain_and_pan_of_every_track():
    """With independent tracks, the features contain the gain of each almost exactly."""
    model = MultitrackRidge(STRIP, SONG, RATE)
    given = batch(1, 6, samples=RATE)
    pan = torch.tensor([-0.8, -0.3, 0.0, 0.2, 0.5, 0.9])
    angle = (pan + 1) * torch.pi / 4
    mono = given.tracks[:, :, :1]
    gains = 2**0.5 * torch.stack([angle.cos(), angle.sin()], 1)[None, :, :, None]
    levels = torch.tensor([1.0, 0.5, 0.25, 2.0, 0.1, 1.5])[None, :, None, None]
    given.tracks = mono.expand(-1, -1, 2, -1)
    given.reference = (mono * gains * levels).sum(1)
    features = model.extract(given).tracks[0]
    columns = model.features.n_track - 9  # level, level relative to the mean, pan, …
    assert features[:, columns + 2].tolist() == pytest.approx(pan.tolist(), abs=0.02)
    level_db = 20 * levels.flatten().log10()
    assert (10 * features[:, columns]).tolist() == pytest.approx(level_db.tolist(), abs=0.3)


def test_ridge_and_mean_are_fitted_and_ridge_uses_the_sound():
    torch.manual_seed(0)
    training = [batch(24, seed=n, samples=8192) for n in range(2)]
    held_out = batch(12, seed=9, samples=8192)
    errors = {}
    for kind in (MultitrackMean, MultitrackRidge):
        model = kind(STRIP, SONG, RATE)
        model.fit(training)
        with torch.no_grad():
            strips, _ = divided(model(held_out).knobs, 4)
        true, _ = divided(held_out.knobs, 4)
        errors[kind] = (strips - true)[..., 0].abs().mean()
    assert errors[MultitrackRidge] < 0.5 * errors[MultitrackMean]


def test_roles_may_be_withheld_in_training_only():
    torch.manual_seed(0)
    model = MultitrackTransformer(STRIP, SONG, RATE, role_dropout=1.0, dropout=0.0)
    torch.nn.init.normal_(model.role.weight)
    for parameter in model.strip_head.parameters():
        torch.nn.init.normal_(parameter)
    given, without = batch(), batch()
    without.roles = torch.full_like(without.roles, -1)
    model.train()
    assert model(given).knobs.allclose(model(without).knobs)
    model.eval()
    assert not model(given).knobs.allclose(model(without).knobs)
