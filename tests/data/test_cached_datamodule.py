"""Cached examples equal those from audio, and are shared by folds, models and seeds."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.feature_cache import CachedRow, FeatureCache
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.training.builders import build_components
from ai_mixer.training.preflight import check_batches
from helpers.signals import noise

OVERRIDES = ("model=baseline_cnn", "data=folder", "excerpt=1", "loader=cached", "loss=knobs_only")
SMALL = (
    "loader.examples_per_song=2",
    "loader.held_out_per_song=3",
    "loader.batch_size=4",
    "loader.workers=0",
)


@pytest.fixture(scope="module")
def build(compose, songs_folder, tmp_path_factory):
    """A function: overrides → training components with caches in one folder."""
    folder = tmp_path_factory.mktemp("data")

    def build(*overrides):
        paths = (f"data.root={songs_folder}", f"paths.data={folder}", "data.near_duplicates=false")
        return build_components(compose(*OVERRIDES, *SMALL, *paths, *overrides))

    return build


def test_features_from_the_cache_equal_extracted_features():
    rough, reference, finished = noise(3, 2, 2, 30_000)
    extractor = FeatureExtractor(44_100)
    levels, statistics = extractor.extract_cacheable(rough, reference, finished)
    given = {"blind": 0 * rough, "reference": reference, "paired": finished}
    for index, name in enumerate(CONDITIONS):
        condition = torch.full((2,), index)
        cached = extractor.from_cache(levels, statistics, condition)
        for one, other in zip(cached, extractor(rough, given[name], condition), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_an_epoch_has_every_example_under_every_condition(build):
    data = build().data
    data.prepare_data()
    train = list(data.train_dataloader())
    songs = {song.id for song in data.songs("train")}
    seen = [(i, int(c)) for b in train for i, c in zip(b.song_id, b.condition, strict=True)]
    assert sorted(set(seen)) == sorted((song, c) for song in songs for c in range(3))
    assert len(seen) == len(songs) * 3 * 2
    val = [int(c) for b in data.val_dataloader() for c in b.condition]
    assert val == [0, 1, 2] * len(data.songs("val"))


def test_a_validation_song_has_no_more_examples_than_are_cached(build):
    data = build("loader.held_out_per_song=12").data
    data.prepare_data()
    val = [song for batch in data.val_dataloader() for song in batch.song_id]
    assert len(val) == 2 * len(CONDITIONS) * len(data.songs("val"))


def test_cached_example_equals_the_example_from_audio(build):
    """The predictions are equal within half precision."""
    parts = build()
    parts.data.prepare_data()
    song = parts.data.songs("train")[0]
    row = parts.data.cache.row(song, 1)
    task = parts.data.task
    task.condition = "paired"
    stream = parts.data.cache.rng_stream_of(song)
    batch = Batch.collate([SongDataset([song], task, excerpt_s=1.0, rng_stream=stream)[1, 0]])
    torch.testing.assert_close(batch.knobs[0], row.knobs)
    features = parts.data.feature_extractor.from_cache(
        row.levels[None].float(), row.statistics[None].float(), batch.condition
    )
    model = parts.system.model.eval()
    with torch.no_grad():
        knobs = model.predict(features, batch.condition).knobs
        expected = model(batch.rough, batch.reference, batch.condition)
    torch.testing.assert_close(knobs, expected, atol=2e-3, rtol=0)


def test_folds_and_models_share_the_cache_and_more_examples_extend_it(build, monkeypatch):
    first = build("data.fold=0/3").data
    first.prepare_data()
    before = {song.id: first.cache.row(song, 0) for song in first.songs("train")}
    files = {file: file.stat().st_mtime_ns for file in first.cache.folder.iterdir()}
    other = build("data.fold=1/3", "model=enhanced_cnn").data
    other.prepare_data()
    more = build("data.fold=0/3", "loader.examples_per_song=3").data
    more.prepare_data()
    for song in more.songs("train"):
        assert more.cache.count(song) == 3
        for one, same in zip(more.cache.row(song, 0), before[song.id], strict=True):
            assert one.equal(same)
    assert set(files) <= set(first.cache.folder.iterdir())


def test_epoch_can_be_set_after_the_iterator_is_created(build):
    """Lightning creates the iterator before it sets the epoch."""
    data = build().data
    data.prepare_data()
    loader = data.train_dataloader()
    iterator = iter(loader)
    loader.sampler.set_epoch(3)
    first = next(iterator)
    other = data.train_dataloader()
    other.sampler.set_epoch(3)
    expected = next(iter(other))
    assert first.song_id == expected.song_id
    assert first.knobs.equal(expected.knobs)
    assert first.song_id != next(iter(data.train_dataloader())).song_id


@pytest.mark.slow
def test_cache_folder_depends_on_console_and_length_but_not_condition(build):
    folders = {
        build(*overrides).data.cache.folder.name
        for overrides in ((), ("ranges=musical",), ("excerpt=2",), ("condition=blind",))
    }
    assert len(folders) == 3


def test_cache_folder_depends_on_the_feature_version(build, monkeypatch):
    before = build().data.cache.folder
    monkeypatch.setattr("ai_mixer.models.feature_extractor.VERSION", 99)
    assert build().data.cache.folder != before


def test_seeds_share_the_cache_in_another_order(build):
    one, other = build().data, build("seed=5").data
    one.prepare_data()
    assert other.cache.folder == one.cache.folder
    assert build("loader.draw_seed=5").data.cache.folder != one.cache.folder
    orders = [[i for b in data.train_dataloader() for i in b.song_id] for data in (one, other)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_a_song_without_rows_is_skipped(build, monkeypatch):
    data = build("loader.draw_seed=5").data
    song = data.songs("train")[0]
    data.cache.append(song, [])
    assert data.cache.has(song, 7)
    data.prepare_data()
    assert song.id not in {name for b in data.train_dataloader() for name in b.song_id}


def test_interrupted_write_keeps_the_previous_file(tmp_path, build, monkeypatch):
    song = build().data.songs("train")[0]
    cache = FeatureCache(tmp_path)
    row = CachedRow(
        torch.ones(3, 2), torch.ones(3, 4), torch.zeros(2), torch.ones(2, dtype=torch.bool)
    )
    cache.append(song, [row])

    def stop(tensors, file):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("ai_mixer.data.feature_cache.save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        cache.append(song, [row])
    assert FeatureCache(tmp_path).count(song) == 1


@pytest.mark.slow
def test_incompatible_options_are_errors(build):
    def check(*overrides):
        check_batches(build(*overrides))

    check()
    with pytest.raises(ValueError, match="loader=cached keeps no audio to mix"):
        check("loss=balanced")
    with pytest.raises(ValueError, match="give both the same"):
        check("model.n_mels=48")
    with pytest.raises(ValueError, match="leave augment=none"):
        check("augment=gentle")
    with pytest.raises(Exception, match="excerpt=full"):
        build("excerpt=full")
