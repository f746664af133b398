"""Examples of several tracks: what is read, how much, and that it is reproducible."""

import pytest
import torch

from ai_mixer.audio import excerpt as excerpts
from ai_mixer.console import load_console
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS
from ai_mixer.data.cached_track_datamodule import CachedTrackDataModule
from ai_mixer.data.track_datamodule import TrackDataModule
from ai_mixer.data.tracks import Tracks
from ai_mixer.models.track_features import TrackFeatureExtractor
from ai_mixer.tasks.remix import Remix
from helpers.tracks import write_songs


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return Tracks(write_songs(tmp_path_factory.mktemp("tracks")))


@pytest.fixture(scope="module")
def task():
    return Remix(load_console("studio"), effects=[])


def module(source, task, **options):
    settings = {"excerpt_s": 0.5, "batch_size": 2, "excerpts_per_song": 2, "held_out_per_song": 3}
    return TrackDataModule(source, task, **(settings | options))


def test_batches_have_tracks_roles_and_masks(source, task):
    batch = next(iter(module(source, task).train_dataloader()))
    assert isinstance(batch, TrackBatch)
    assert batch.tracks.shape == (2, 4, 2, 22050)
    assert batch.track_mask.all()
    assert batch.roles[0].tolist() == [1, 3, 0, 2]  # bass, gtr_left, kick, vox
    assert batch.knobs.shape == batch.mask.shape


def test_examples_are_reproducible_and_differ_between_epochs(source, task):
    dataset = module(source, task).dataset("train")
    first, again, other = dataset[0, 1], dataset[0, 1], dataset[1, 1]
    assert first.tracks.equal(again.tracks)
    assert first.knobs.equal(again.knobs)
    assert not first.tracks.equal(other.tracks)


def test_held_out_examples_take_the_conditions_in_turn(source, task):
    batches = list(module(source, task, batch_size=3).val_dataloader())
    assert torch.cat([batch.condition for batch in batches]).tolist() == [0, 1, 2]


def test_only_the_excerpt_of_each_track_is_read(source, task, monkeypatch):
    read = []
    original = excerpts._read
    monkeypatch.setattr(excerpts, "_read", lambda *a: read.append(a[-1]) or original(*a))
    dataset = module(source, task).dataset("train")
    dataset[0, 0]
    assert set(read) == {22050}
    assert len(read) in (4, 8)


def test_songs_with_many_tracks_give_some_of_them(source, task):
    dataset = module(source, task, max_tracks=2).dataset("train")
    chosen = {tuple(dataset[epoch, 0].roles.tolist()) for epoch in range(8)}
    assert all(len(roles) == 2 for roles in chosen)
    assert len(chosen) > 1


def test_dropped_tracks_are_dropped_in_training_only(source, task):
    data = module(source, task, drop_probability=0.9)
    assert {len(data.dataset("train")[0, n].tracks) for n in range(4)} == {2}
    assert len(data.dataset("val")[0, 0].tracks) == 4


def test_wrong_options_are_named(source, task):
    with pytest.raises(ValueError, match=r"loader\.max_tracks must be 2 to 64, got 65"):
        module(source, task, max_tracks=65)


def test_cached_features_are_those_of_the_examples(source, task, tmp_path, monkeypatch):
    """Under every condition, with the knobs and tracks of the example; made only once."""
    extractor = TrackFeatureExtractor(44_100)
    options = {"feature_extractor": extractor, "folder": str(tmp_path), "cache_key": "one"}
    options |= {"excerpt_s": 0.5, "held_out_per_song": 3, "examples_per_song": 1, "batch_size": 3}
    data = CachedTrackDataModule(source, task, **options)
    data.prepare_data()
    (batch,) = list(data.val_dataloader())
    assert batch.condition.tolist() == [0, 1, 2]
    assert not batch.has_audio

    song = data.songs("val")[0]
    dataset = data.dataset_class(
        [song], Remix(task.console, "reference", effects=[]), sample_rate=44_100, excerpt_s=0.5,
        rng_stream=data.cache.rng_stream_of(song),
    )  # fmt: skip
    example = TrackBatch.collate([dataset[0, 0]])
    assert batch.knobs[0].equal(example.knobs[0])
    assert batch.mask[2].equal(example.mask[0])
    assert batch.roles[1].equal(example.roles[0])
    for number, name in enumerate(CONDITIONS):
        given = example if name == "reference" else example.with_condition(name)
        features = extractor(given.tracks, given.track_mask, given.reference, given.condition)
        assert batch.track_features.tracks[number].allclose(features.tracks[0], atol=5e-3)
        assert batch.track_features.song[number].allclose(features.song[0], atol=5e-3)

    monkeypatch.setattr(extractor, "every_condition", None)
    CachedTrackDataModule(source, task, **options).prepare_data()
