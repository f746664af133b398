"""Baselines of several tracks, and songs with changed roles."""

from dataclasses import replace

import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.core.track import ROLES
from ai_mixer.core.types import CONDITIONS, GENRES
from ai_mixer.evaluation.baselines.track_genre_mean import MIN_TRACKS, TrackGenreMean
from ai_mixer.evaluation.baselines.track_neighbour import TrackNeighbour
from ai_mixer.evaluation.baselines.track_training_set import TrackTrainingSet
from ai_mixer.evaluation.role_changes import with_wrong_roles, without_roles
from ai_mixer.models.multitrack_mean import MultitrackMean
from ai_mixer.models.multitrack_ridge import MultitrackRidge
from helpers.tracks import RATE, track_batch

LAYOUT = load_console("studio").layout
SIZES = len(LAYOUT.strip), LAYOUT.bus_knobs + len(LAYOUT.master), RATE


def example(seed, tracks=3, genre=-1, roles=None):
    """A song of noise with random knobs."""
    batch = track_batch(tracks, LAYOUT, samples=8_192, condition="reference", seed=seed)
    generator = torch.Generator().manual_seed(100 + seed)
    roles = torch.randint(len(ROLES), (1, tracks), generator=generator) if roles is None else roles
    return replace(
        batch,
        knobs=torch.rand(batch.knobs.shape, generator=generator),
        genre=torch.tensor([genre]),
        roles=roles,
        song_id=[f"song {seed}"],
    )


@pytest.fixture(scope="module")
def ridge():
    return MultitrackRidge(*SIZES).eval()


@pytest.fixture(scope="module")
def examples(ridge):
    return TrackTrainingSet.read([example(seed, 2 + seed % 3) for seed in range(4)], ridge)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_neighbour_of_a_training_song_is_itself(ridge, examples, condition):
    batch = example(2, 4)
    batch = batch if condition == "reference" else batch.with_condition(condition)
    neighbour = TrackNeighbour(ridge, examples)
    torch.testing.assert_close(neighbour(batch), batch.knobs)


def test_the_order_of_the_tracks_is_that_of_their_neighbours(ridge, examples):
    batch, order = example(9, 3), torch.tensor([2, 0, 1])
    turned = replace(batch, tracks=batch.tracks[:, order], roles=batch.roles[:, order])
    neighbour = TrackNeighbour(ridge, examples)
    knobs, other = (LAYOUT.from_flat(neighbour(x)).strips for x in (batch, turned))
    torch.testing.assert_close(other, knobs[:, order])


def test_a_knob_without_a_target_is_that_of_the_next_track(ridge):
    batch = example(0, 2)
    first = batch.mask.clone()
    first[0, 0] = False
    training = TrackTrainingSet.read([replace(batch, mask=first)], ridge)
    found = TrackNeighbour(ridge, training)(batch)[0]
    assert found[0] == batch.knobs[0, len(LAYOUT.strip)]
    torch.testing.assert_close(found[1:], batch.knobs[0, 1:])


def test_one_genre_gives_the_mean_by_role(ridge, examples):
    known, batch = MultitrackMean(*SIZES).eval(), example(7)
    mean = TrackGenreMean(MultitrackMean(*SIZES).eval(), examples)
    known.fit(examples.batches)
    torch.testing.assert_close(mean(batch), known(batch).knobs, atol=1e-6, rtol=0)


def test_genres_have_means_of_their_own_where_there_are_tracks(ridge):
    songs = [example(n, MIN_TRACKS, n, torch.zeros(1, MIN_TRACKS, dtype=int)) for n in range(2)]
    mean = TrackGenreMean(MultitrackMean(*SIZES).eval(), TrackTrainingSet.read(songs, ridge))
    per_song = [LAYOUT.from_flat(song.knobs).strips[0].mean(0) for song in songs]
    for genre, expected in [(0, per_song[0]), (1, per_song[1]), (2, sum(per_song) / 2)]:
        song = replace(songs[0], genre=torch.tensor([genre]))
        torch.testing.assert_close(LAYOUT.from_flat(mean(song)).strips[0, 0], expected)
    assert len(GENRES) > 2


def test_wrong_roles_are_never_the_own_ones_and_the_same_again():
    song = example(1, 40)
    song.roles[0, :5] = -1
    wrong = with_wrong_roles(song).roles
    assert ((wrong >= 0) & (wrong < len(ROLES))).all()
    assert (wrong != song.roles).all()
    assert wrong.equal(with_wrong_roles(song).roles)
    turned = replace(song, roles=song.roles.flip(1))
    assert with_wrong_roles(turned).roles.equal(wrong.flip(1))
    assert (without_roles(song).roles == -1).all()
