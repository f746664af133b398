"""Kept examples: the same as drawn ones, drawn once, and no other fold's business."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.data.dataset import SongDataset
from ai_mixer.data.feature_cache import CachedRow, FeatureCache
from ai_mixer.models.feature_extractor import FeatureExtractor
from ai_mixer.training.builders import build_components
from ai_mixer.training.preflight import check_cached_data

WORDS = ("model=baseline_cnn", "data=folder", "excerpt=1", "loader=cached", "loss=knobs_only")
LITTLE = (
    "loader.examples_per_song=2",
    "loader.held_out_per_song=3",
    "loader.batch_size=4",
    "loader.workers=0",
)


@pytest.fixture(scope="module")
def kept(compose, songs_folder, tmp_path_factory):
    """A function: more words → parts whose examples are kept in one folder."""
    folder = tmp_path_factory.mktemp("data")

    def build(*words):
        where = (f"data.root={songs_folder}", f"paths.data={folder}", "data.near_duplicates=false")
        return build_components(compose(*WORDS, *LITTLE, *where, *words))

    return build


def batches(loader):
    return list(loader)


def test_ears_recall_what_they_hear():
    noise = torch.randn(3, 2, 2, 30_000, generator=torch.Generator().manual_seed(0)) * 0.1
    feature_extractor = FeatureExtractor(44_100)
    levels, statistics = feature_extractor.extract_cacheable(*noise)
    for number, condition in enumerate(CONDITIONS):
        rough, reference, finished = noise
        wanted = {"blind": 0 * rough, "reference": reference, "paired": finished}[condition]
        under = torch.full((2,), number)
        features = feature_extractor.from_cache(levels, statistics, under)
        for one, other in zip(features, feature_extractor(rough, wanted, under), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_every_example_under_every_condition(kept):
    data = kept().data
    data.prepare_data()
    train = batches(data.train_dataloader())
    songs = {song.id for song in data.songs("train")}
    seen = [(i, int(c)) for b in train for i, c in zip(b.song_id, b.condition, strict=True)]
    assert sorted(set(seen)) == sorted((song, c) for song in songs for c in range(3))
    assert len(seen) == len(songs) * 3 * 2
    val = [int(c) for b in data.val_dataloader() for c in b.condition]
    assert val == [0, 1, 2] * len(data.songs("val"))


def test_a_kept_example_teaches_what_the_sound_does(kept):
    """The model says the same of it as of the drawn example, to half precision."""
    parts = kept()
    parts.data.prepare_data()
    song = parts.data.songs("train")[0]
    row = parts.data.cache.row(song, 1)
    task = parts.data.task
    task.condition = "paired"
    dataset = SongDataset([song], task, excerpt_s=1.0, rng_stream=parts.data.cache.number(song))
    drawn = Batch.collate([dataset[1, 0]])
    torch.testing.assert_close(drawn.knobs[0], row.knobs)
    features = parts.data.feature_extractor.from_cache(
        row.levels[None].float(), row.statistics[None].float(), drawn.condition
    )
    model = parts.system.model.eval()
    with torch.no_grad():
        said = model.predict(features, drawn.condition).knobs
        expected = model(drawn.rough, drawn.reference, drawn.condition)
    torch.testing.assert_close(said, expected, atol=2e-3, rtol=0)


def test_drawn_once_for_all_folds_and_more_only_add(kept, monkeypatch):
    first = kept("data.fold=0/3").data
    first.prepare_data()
    before = {song.id: first.cache.row(song, 0) for song in first.songs("train")}
    files = {file: file.stat().st_mtime_ns for file in first.cache.folder.iterdir()}
    other = kept("data.fold=1/3", "model=enhanced_cnn").data
    other.prepare_data()
    more = kept("data.fold=0/3", "loader.examples_per_song=3").data
    more.prepare_data()
    for song in more.songs("train"):
        assert more.cache.count(song) == 3
        for one, same in zip(more.cache.row(song, 0), before[song.id], strict=True):
            assert one.equal(same)
    assert set(files) <= set(first.cache.folder.iterdir())


def test_a_resumed_training_gets_the_epoch_it_asks_for(kept):
    """Lightning makes the iterator first, and says only then which epoch is to come."""
    data = kept().data
    data.prepare_data()
    loader = data.train_dataloader()
    batches = iter(loader)
    loader.sampler.set_epoch(3)
    first = next(batches)
    again = data.train_dataloader()
    again.sampler.set_epoch(3)
    expected = next(iter(again))
    assert first.song_id == expected.song_id
    assert first.knobs.equal(expected.knobs)
    assert first.song_id != next(iter(data.train_dataloader())).song_id


def test_another_console_or_length_is_another_shelf(kept):
    origins = {
        kept(*words).data.cache.folder.name
        for words in ((), ("ranges=musical",), ("excerpt=2",), ("condition=blind",))
    }
    assert len(origins) == 3  # the condition makes no difference


def test_ears_that_hear_otherwise_keep_on_another_shelf(kept, monkeypatch):
    """Else a model would be given statistics of another length, or of another meaning."""
    before = kept().data.cache.folder
    monkeypatch.setattr("ai_mixer.models.feature_extractor.VERSION", 99)
    assert kept().data.cache.folder != before


def test_trainings_of_other_seeds_learn_from_one_shelf_in_another_order(kept):
    one, other = kept().data, kept("seed=5").data
    one.prepare_data()
    assert other.cache.folder == one.cache.folder
    assert kept("loader.draw_seed=5").data.cache.folder != one.cache.folder
    orders = [[i for b in data.train_dataloader() for i in b.song_id] for data in (one, other)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_a_silent_song_is_left_out(kept, monkeypatch):
    data = kept("loader.draw_seed=5").data
    song = data.songs("train")[0]
    data.cache.append(song, [])
    assert data.cache.has(song, 7)
    data.prepare_data()
    assert song.id not in {name for b in data.train_dataloader() for name in b.song_id}


def test_a_stopped_writing_leaves_no_half_file(tmp_path, kept, monkeypatch):
    song = kept().data.songs("train")[0]
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


def test_what_does_not_go_together_is_said(kept, compose):
    def check(*words):
        check_cached_data(compose(*WORDS, *words), kept(*words))

    check()
    with pytest.raises(ValueError, match="loader=cached keeps no audio to mix"):
        check("loss=balanced")
    with pytest.raises(ValueError, match="give both the same"):
        check("model.n_mels=48")
    with pytest.raises(ValueError, match="leave augment=none"):
        check("augment=gentle")
    with pytest.raises(Exception, match="excerpt=full has none"):
        kept("excerpt=full")
