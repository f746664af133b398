"""SongDataset: an example depends only on (seed, stream, epoch, index)."""

import math
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.random import default_rng

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.augment.augment import Augment, Compose
from ai_mixer.augment.polarity_flip import PolarityFlip
from ai_mixer.data.dataset import SongDataset, genre_index
from ai_mixer.data.excerpt_sampler import excerpt_seconds, second_excerpt_start
from ai_mixer.data.folder import Folder


@pytest.fixture
def songs(tree):
    return Folder(tree).songs()


@pytest.fixture
def build(songs, show_task):
    def build(**options):
        options = {"sample_rate": 8_000, "excerpt_s": 1.0, "excerpts_per_song": 3} | options
        return SongDataset(options.pop("songs", songs), options.pop("task", show_task), **options)

    return build


def same(one, other):
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in ((getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    )


def position(audio):
    """Relative start of an excerpt in the song, 0–1, from the ramp."""
    return float(audio[0, 0]) / 0.1 - 1


def test_examples_depend_only_on_seed_and_key(build):
    data, other = build(seed=5), build(seed=5)
    keys = [(epoch, index) for epoch in (0, 3) for index in range(len(data))]
    forward = {key: data[key] for key in keys}
    assert all(same(other[key], forward[key]) for key in reversed(keys))


@pytest.mark.parametrize("change", [{"seed": 1}, {"rng_stream": 1}])
def test_seed_stream_epoch_and_index_change_the_example(build, change):
    assert not same(build()[0, 0], build(**change)[0, 0])
    assert not same(build()[0, 0], build()[1, 0])
    assert not same(build()[0, 0], build()[0, 1])


def test_every_song_has_excerpts_per_song_examples(build, songs):
    data = build()
    assert len(data) == 3 * len(songs)
    ids = [data[0, index].song_id for index in range(len(data))]
    assert ids == [song.id for song in songs for _ in range(3)]


def test_shape_and_genre_of_an_example(build):
    example = build()[0, 0]
    assert example.song_id == "Hip-Hop/d/first"
    assert example.genre == genre_index("hip_hop") == genre_index("Hip Hop") == 5
    assert example.rough.shape == (2, 8_000)
    assert example.sample_rate == 8_000


def test_cycle_conditions_gives_each_condition_in_turn(build, show_task):
    cycled = build(cycle_conditions=True)
    assert [cycled[0, index].condition for index in range(6)] == [0, 1, 2, 0, 1, 2]
    fixed = build(cycle_conditions=True, task=type(show_task)("paired"))
    assert {fixed[0, index].condition for index in range(6)} == {2}


def test_reference_does_not_overlap_the_excerpt(build):
    data = build()
    for index in range(len(data)):
        example = data[0, index]
        distance = abs(position(example.finished) - position(example.reference))
        assert distance >= 0.25 - 1e-3  # 1 s of 4 s


@given(st.floats(0, 1), st.floats(1, 30), st.floats(0.5, 10), st.integers(0, 99))
@example(0.5, 20.0, 10.0, 0)
def test_second_excerpt_is_within_the_song_and_does_not_overlap(
    position, duration_s, excerpt_s, seed
):
    last = max(0.0, duration_s - excerpt_s)
    start = position * last
    other = second_excerpt_start(start, duration_s, excerpt_s, default_rng(seed))
    assert 0 <= other <= last
    if start >= excerpt_s or start + excerpt_s <= last:
        assert abs(other - start) >= excerpt_s - 1e-9
    else:
        assert math.isclose(abs(other - start), max(start, last - start))


def test_silent_excerpts_are_rejected(tmp_path, write_song, build, songs):
    import numpy as np
    import soundfile

    path = write_song(tmp_path / "gap.wav")
    audio, rate = soundfile.read(path)
    audio[: len(audio) // 2] = 0
    soundfile.write(path, audio, rate)
    data = build(songs=[replace(songs[0], path=path)], excerpts_per_song=100)
    silent = np.mean([not data[0, index].finished.any() for index in range(100)])
    assert silent <= 0.06  # a third of all starts are silent: four in a row


def test_task_gets_the_dry_version(tmp_path, write_song, build, songs):
    dry = write_song(tmp_path / "dry.wav", level=0.01)
    wet_example = build()[0, 0]
    dry_example = build(songs=[replace(songs[0], dry_path=dry)])[0, 0]
    assert dry_example.mask.all()
    assert not wet_example.mask.any()
    torch.testing.assert_close(10 * dry_example.finished, wet_example.finished)
    torch.testing.assert_close(10 * dry_example.reference, wet_example.reference)


def test_short_songs_are_padded_with_silence(tmp_path, write_song, build, songs):
    path = write_song(tmp_path / "short.wav", seconds=0.5)
    example = build(songs=[replace(songs[0], path=path, duration_s=0.5)])[0, 0]
    assert example.finished.shape == (2, 8_000)
    assert not example.finished[:, 4_000:].any()


def test_augmentation_does_not_change_the_knobs(build):
    plain, flipped = build()[0, 0], build(augment=Compose([PolarityFlip(1.0)]))[0, 0]
    assert torch.equal(flipped.knobs, plain.knobs)
    assert torch.equal(flipped.rough, -plain.rough)


def test_invalid_excerpt_length_is_an_error(build):
    with pytest.raises(ValueError, match=r"excerpt_s.* 0"):
        build(excerpt_s=0)


def test_whole_songs_are_their_own_second_excerpt(build, songs):
    data = build(excerpt_s=None, excerpts_per_song=1)
    for index, song in enumerate(songs):
        whole = data[0, index]
        assert whole.finished.shape[-1] == round(song.duration_s * 8_000)
    others = [read_excerpt(song.path, 0.0, song.duration_s, 8_000) for song in songs]
    assert data[0, 0].finished.equal(others[0])


def test_index_beyond_the_length_is_another_example_of_the_same_song(build):
    data = build()
    one, other = data[0, 4], data[0, 4 + len(data)]
    assert one.song_id == other.song_id
    assert not same(one, other)
    assert data.genres[4] == data.songs[4 // 3].genre


def test_excerpt_length_must_be_positive_or_full():
    assert excerpt_seconds("full") is None
    for wrong in (0, -1.0, "long", float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"excerpt.*{wrong}"):
            excerpt_seconds(wrong)


class Twice(Augment):
    """Double speed at half the level, plus the stems."""

    def draw(self, rng):
        return rng.random()

    def source_seconds(self, params):
        return 2.0

    def prepare(self, excerpt, params):
        stems = sum(read() for read in excerpt.stems.values())
        return excerpt._replace(audio=(0.5 * excerpt.audio + stems)[:, ::2])


def test_augmentation_before_the_task_changes_finished_and_reference(build):
    data, plain = build(augment=Twice(), excerpts_per_song=10), build(excerpts_per_song=10)
    for index in range(len(data)):
        example = data[0, index]
        assert example.finished.shape == example.reference.shape == plain[0, index].finished.shape
        assert torch.equal(example.knobs, plain[0, index].knobs)
        for audio in (example.finished, example.reference):
            ramp = torch.linspace(0, 1, 8_000) * 0.1 / 4 + audio[0, 0]  # of 4 s, at half the level
            torch.testing.assert_close(audio[0], ramp, atol=1e-4, rtol=0)
        starts = [4 * (20 * float(a[0, 0]) - 1) for a in (example.finished, example.reference)]
        assert all(-1e-3 <= start <= 2 + 1e-3 for start in starts)  # 2 s before the end or earlier
        assert abs(starts[0] - starts[1]) > 1


def test_stems_are_read_at_the_start_of_the_excerpt(build, songs):
    stems = [replace(song, stems={"all": song.path}) for song in songs]
    without, with_stems = build(augment=Twice()), build(augment=Twice(), songs=stems)
    for index in range(len(without)):
        expected = 3 * without[0, index].finished  # 0.5 · mix + 1 · stem
        torch.testing.assert_close(with_stems[0, index].finished, expected, atol=1e-5, rtol=0)
