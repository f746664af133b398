"""Augmented examples of several tracks: which songs and files, both excerpts, cached features."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ai_mixer.audio.errors import SongError
from ai_mixer.augment.another_take import AnotherTake
from ai_mixer.augment.augment import Compose
from ai_mixer.augment.double_track import DoubleTrack
from ai_mixer.augment.polarity_flip import PolarityFlip
from ai_mixer.augment.stem_gain import StemGain
from ai_mixer.augment.stem_polarity import StemPolarity
from ai_mixer.augment.track_augment import ComposeTracks
from ai_mixer.console import load_console
from ai_mixer.core.track import Track
from ai_mixer.core.types import Song
from ai_mixer.data import track_takes
from ai_mixer.data.cached_track_datamodule import CachedTrackDataModule
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.track_datamodule import TrackDataModule
from ai_mixer.data.track_takes import TakePool
from ai_mixer.data.tracks import Tracks
from ai_mixer.models.track_features import TrackFeatureExtractor
from ai_mixer.tasks.remix import Remix
from helpers.tracks import write_songs

TAKES = AnotherTake(0.0, probability=1.0)
SMALL = {"excerpt_s": 0.5, "batch_size": 2, "excerpts_per_song": 2, "held_out_per_song": 3}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A source whose songs are read once."""
    songs = Tracks(write_songs(tmp_path_factory.mktemp("tracks"), seconds=2.0)).track_songs()
    return SimpleNamespace(track_songs=lambda: list(songs))


@pytest.fixture(scope="module")
def task():
    return Remix(load_console("studio"), effects=[])


class StemTask:
    """In place of the task: returns the stems of both excerpts."""

    condition = "any"

    def __call__(self, stems, roles, other_stems, **options):
        self.excerpts = stems, other_stems()
        self.roles = roles
        return SimpleNamespace()


def module(source, task, *steps, **options):
    return TrackDataModule(source, task, ComposeTracks(steps), **(SMALL | options))


def excerpts(source, *steps, index=0, epoch=0, **options):
    task = StemTask()
    dataset = module(source, task, *steps, **options).dataset("train")
    dataset._example(dataset.songs[0], epoch, index)
    return *task.excerpts, task.roles


def test_both_excerpts_have_the_same_gains_and_the_other_draws_stay(source):
    first, other, roles = excerpts(source)
    louder, other_louder, same_roles = excerpts(source, StemGain(6.0, probability=1.0))
    gains = (louder * first).sum((1, 2)) / first.square().sum((1, 2))
    assert gains.log10().abs().min() > 0
    assert len(set(gains.tolist())) == len(gains)
    torch.testing.assert_close(louder, gains[:, None, None] * first)
    torch.testing.assert_close(other_louder, gains[:, None, None] * other)
    assert same_roles.equal(roles)


def test_takes_are_of_the_role_and_of_training_songs(source, monkeypatch):
    read = []
    original = track_takes.read_excerpt
    monkeypatch.setattr(
        track_takes,
        "read_excerpt",
        lambda path, *a: read.append((path, a[0])) or original(path, *a),
    )
    data = module(source, StemTask(), TAKES)
    roles = {track.path: track.role for song in data.songs("train") for track in song.tracks}
    own = {track.path for track in data.songs("train")[0].tracks}
    for epoch in range(3):
        read.clear()
        excerpts(source, TAKES, epoch=epoch)
        assert [roles[path] for path, _ in read[:4]] == ["bass", "chords", "drums", "vocals"]
        assert not own & {path for path, _ in read}
        # The loudness, the first and the second excerpt: of one file, the last from elsewhere.
        measured, first, second = read[:4], read[4:8], read[8:]
        assert measured == first
        assert [path for path, _ in second] == [path for path, _ in first]
        assert all(abs(a - b) >= 0.5 for (_, a), (_, b) in zip(first, second, strict=True))


def test_another_excerpt_of_the_same_track(source, monkeypatch):
    read = []
    original = track_takes.read_excerpt
    monkeypatch.setattr(
        track_takes, "read_excerpt", lambda path, *a: read.append(path) or original(path, *a)
    )
    data = module(source, StemTask())
    excerpts(source, AnotherTake(1.0, probability=1.0))
    assert set(read) == {track.path for track in data.songs("train")[0].tracks}


def test_other_songs_are_equally_frequent():
    def song(name, *roles):
        tracks = tuple(Track(f"{n}", f"{name}/{n}", role) for n, role in enumerate(roles))
        return Song(name, name, name, name, "train", 1.0, 8000, 1, tracks=tracks)

    pool = [song("a", "bass"), song("b", "bass", "bass"), song("c", "bass"), song("d", "pad")]
    takes, rng = TakePool(pool), np.random.default_rng(0)
    chosen = [takes.choose(pool[1], "bass", rng) for _ in range(400)]
    assert {other.id for other, _ in chosen} == {"a", "c"}
    assert 150 < sum(other.id == "a" for other, _ in chosen) < 250
    tracks = {takes.choose(pool[0], "bass", rng)[1].path for _ in range(40)}
    assert tracks == {"b/0", "b/1", "c/0"}
    assert takes.choose(pool[3], "pad", rng) is None
    assert takes.choose(pool[0], "vocals", rng) is None


def test_a_damaged_take_is_not_used(source, monkeypatch):
    def damaged(path, *arguments):
        raise SongError(path, "is damaged")

    monkeypatch.setattr(track_takes, "read_excerpt", damaged)
    first, other, _ = excerpts(source, TAKES)
    expected, other_expected, _ = excerpts(source)
    assert first.equal(expected)
    assert other.equal(other_expected)


def test_examples_are_reproducible_in_any_order(source, task):
    steps = (TAKES, DoubleTrack(None), StemGain(), StemPolarity())
    dataset = module(source, task, *steps).dataset("train")
    keys = [(0, 0), (0, 3), (1, 0)]
    examples = {key: dataset[key] for key in keys}
    again = module(source, task, *steps).dataset("train")
    for key in reversed(keys):
        assert again[key].tracks.equal(examples[key].tracks)
        assert again[key].knobs.equal(examples[key].knobs)


@pytest.mark.slow
def test_workers_change_nothing(source, task):
    batches = [
        list(module(source, task, TAKES, StemGain(), workers=n).train_dataloader()) for n in (0, 2)
    ]
    for one, other in zip(*batches, strict=True):
        assert one.song_id == other.song_id
        assert one.tracks.equal(other.tracks)


def test_held_out_songs_are_not_augmented(source, task):
    plain, changed = module(source, task), module(source, task, TAKES, DoubleTrack(None))
    for split in ("val", "test"):
        one, other = (data.dataset(split)[0, 1] for data in (plain, changed))
        assert one.tracks.equal(other.tracks)
    assert plain.augment is None
    train = [data.dataset("train")[0, 1].tracks for data in (plain, changed)]
    assert train[0].shape != train[1].shape


def test_doubles_count_for_the_tracks_of_an_example(source, task):
    step = DoubleTrack(None, 9, probability=1.0)
    counts = [
        len(module(source, task, step, max_tracks=n).dataset("train")[0, 0].tracks) for n in (5, 16)
    ]
    assert counts == [5, 8]


def cached(source, task, folder, *steps, key="one", **options):
    settings = {"feature_extractor": TrackFeatureExtractor(44_100), "folder": str(folder)}
    settings |= {"cache_key": "key", "augment_key": key if steps else "", "examples_per_song": 1}
    settings |= {"excerpt_s": 0.5, "held_out_per_song": 3}
    return CachedTrackDataModule(source, task, ComposeTracks(steps), **(settings | options))


def test_cached_examples_are_augmented_in_training_only(source, task, tmp_path):
    steps = (TAKES, DoubleTrack(None, 1, probability=1.0), StemGain(6.0, probability=1.0))
    plain, changed = cached(source, task, tmp_path), cached(source, task, tmp_path, *steps)
    for data in (plain, changed):
        data.songs("train")
        data.leave_out([song.id for song in data.songs("train")[2:]])
        data.prepare_data()
    song, held_out = changed.songs("train")[0], changed.songs("val")[0]
    row = changed.cache_of("train").row(song, 0)
    assert len(row.track_mask) == 5
    assert plain.cache_of("train").row(song, 0).knobs.shape[0] == 4
    reference = Remix(task.console, "reference", effects=[])
    options = changed.example_options("train") | {"sample_rate": 44_100, "excerpt_s": 0.5}
    stream = changed.cache.rng_stream_of(song)
    dataset = changed.dataset_class([song], reference, rng_stream=stream, **options)
    example = dataset[0, 0]
    assert row.knobs.flatten().equal(example.knobs[: row.knobs.numel()])
    assert row.roles.equal(example.roles)
    rows = [data.cache_of("val").row(held_out, 0) for data in (plain, changed)]
    assert rows[0].knobs.equal(rows[1].knobs)
    batch = next(iter(changed.train_dataloader()))
    assert batch.track_mask.shape[1] == 5


def test_the_cache_depends_on_the_augmentation_and_the_songs_of_its_takes(source, task, tmp_path):
    def folder(*steps, left_out=(), split="train", **options):
        data = cached(source, task, tmp_path, *steps, **options)
        data.leave_out(left_out)
        return data.cache_of(split).folder

    song = cached(source, task, tmp_path).songs("train")[-1].id
    plain = folder()
    assert plain.name.startswith("key-")
    assert folder(left_out=[song]) == plain
    gains, takes = folder(StemGain()), folder(TAKES)
    assert len({plain, gains, folder(StemGain(), key="two")}) == 3
    assert folder(StemGain(), left_out=[song]) == gains
    assert folder(TAKES, left_out=[song]) != takes == folder(TAKES)
    assert folder(split="val") == folder(TAKES, split="val") == plain
    # Tracks are dropped in training only, so validation examples are others.
    assert folder(drop_probability=0.1) == plain != folder(drop_probability=0.1, split="val")


def test_an_augmentation_of_the_other_kind_is_refused(source, task):
    whole = Compose([PolarityFlip()])
    with pytest.raises(ValueError, match=r"not whole songs \(PolarityFlip\): use augment=tracks"):
        TrackDataModule(source, task, whole)
    with pytest.raises(ValueError, match="for one stereo file use augment=gentle, strong or none"):
        MixDataModule(source, task, ComposeTracks([StemGain()]))
