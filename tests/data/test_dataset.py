"""An example depends on (seed, stream, epoch, index) and on nothing else."""

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
    """Where on the ramp an excerpt starts, 0–1."""
    return float(audio[0, 0]) / 0.1 - 1


def test_the_key_decides(build):
    data, again = build(seed=5), build(seed=5)
    keys = [(epoch, index) for epoch in (0, 3) for index in range(len(data))]
    forward = {key: data[key] for key in keys}
    assert all(same(again[key], forward[key]) for key in reversed(keys))


@pytest.mark.parametrize("change", [{"seed": 1}, {"stream": 1}])
def test_other_seed_or_stream_other_draw(build, change):
    assert not same(build()[0, 0], build(**change)[0, 0])
    assert not same(build()[0, 0], build()[1, 0])
    assert not same(build()[0, 0], build()[0, 1])


def test_every_song_has_its_share(build, songs):
    data = build()
    assert len(data) == 3 * len(songs)
    ids = [data[0, index].song_id for index in range(len(data))]
    assert ids == [song.id for song in songs for _ in range(3)]


def test_genre_and_shape(build):
    example = build()[0, 0]
    assert example.song_id == "Hip-Hop/d/first"
    assert example.genre == genre_index("hip_hop") == genre_index("Hip Hop") == 5
    assert example.rough.shape == (2, 8_000)
    assert example.sample_rate == 8_000


def test_conditions_in_turn(build, show_task):
    cycled = build(cycle_conditions=True)
    assert [cycled[0, index].condition for index in range(6)] == [0, 1, 2, 0, 1, 2]
    fixed = build(cycle_conditions=True, task=type(show_task)("paired"))
    assert {fixed[0, index].condition for index in range(6)} == {2}


def test_the_other_excerpt_does_not_overlap(build):
    data = build()
    for index in range(len(data)):
        example = data[0, index]
        apart = abs(position(example.finished) - position(example.reference))
        assert apart >= 0.25 - 1e-3  # 1 s of 4 s


@given(st.floats(0, 1), st.floats(1, 30), st.floats(0.5, 10), st.integers(0, 99))
@example(0.5, 20.0, 10.0, 0)
def test_other_start_is_inside_and_apart(place, duration_s, excerpt_s, seed):
    last = max(0.0, duration_s - excerpt_s)
    start = place * last
    other = second_excerpt_start(start, duration_s, excerpt_s, default_rng(seed))
    assert 0 <= other <= last
    if start >= excerpt_s or start + excerpt_s <= last:
        assert abs(other - start) >= excerpt_s - 1e-9
    else:
        assert math.isclose(abs(other - start), max(start, last - start))


def test_silence_is_avoided(tmp_path, write_song, build, songs):
    import numpy as np
    import soundfile

    path = write_song(tmp_path / "gap.wav")
    audio, rate = soundfile.read(path)
    audio[: len(audio) // 2] = 0
    soundfile.write(path, audio, rate)
    data = build(songs=[replace(songs[0], path=path)], excerpts_per_song=100)
    silent = np.mean([not data[0, index].finished.any() for index in range(100)])
    assert silent <= 0.06  # a third of all starts, four times in a row


def test_a_dry_version_is_what_the_task_gets(tmp_path, write_song, build, songs):
    dry = write_song(tmp_path / "dry.wav", level=0.01)
    wet_example = build()[0, 0]
    dry_example = build(songs=[replace(songs[0], dry_path=dry)])[0, 0]
    assert dry_example.mask.all()
    assert not wet_example.mask.any()
    torch.testing.assert_close(10 * dry_example.finished, wet_example.finished)
    torch.testing.assert_close(10 * dry_example.reference, wet_example.reference)


def test_a_short_song_is_filled_with_silence(tmp_path, write_song, build, songs):
    path = write_song(tmp_path / "short.wav", seconds=0.5)
    example = build(songs=[replace(songs[0], path=path, duration_s=0.5)])[0, 0]
    assert example.finished.shape == (2, 8_000)
    assert not example.finished[:, 4_000:].any()


def test_augmentation_leaves_the_draw_alone(build):
    plain, turned = build()[0, 0], build(augment=Compose([PolarityFlip(1.0)]))[0, 0]
    assert torch.equal(turned.knobs, plain.knobs)
    assert torch.equal(turned.rough, -plain.rough)


def test_nonsense_is_named(build):
    with pytest.raises(ValueError, match=r"excerpt_s must be positive.* got 0"):
        build(excerpt_s=0)


def test_whole_songs(build, songs):
    """Then the only other excerpt of the same production is the song itself."""
    data = build(excerpt_s=None, excerpts_per_song=1)
    for index, song in enumerate(songs):
        whole = data[0, index]
        assert whole.finished.shape[-1] == round(song.duration_s * 8_000)
    others = [read_excerpt(song.path, 0.0, song.duration_s, 8_000) for song in songs]
    assert data[0, 0].finished.equal(others[0])


def test_an_index_beyond_the_end_is_another_draw_from_the_same_song(build):
    data = build()
    here, again = data[0, 4], data[0, 4 + len(data)]
    assert here.song_id == again.song_id
    assert not same(here, again)
    assert data.genres[4] == data.songs[4 // 3].genre


def test_seconds_or_full():
    assert excerpt_seconds("full") is None
    for wrong in (0, -1.0, "long", float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"seconds above 0, or full, got {wrong}"):
            excerpt_seconds(wrong)


class Twice(Augment):
    """Reads twice as much and plays it twice as fast, and half as loud."""

    def draw(self, rng):
        return rng.random()

    def source_seconds(self, params):
        return 2.0

    def prepare(self, excerpt, params):
        stems = sum(read() for read in excerpt.stems.values())
        return excerpt._replace(audio=(0.5 * excerpt.audio + stems)[:, ::2])


def test_what_comes_before_the_task_reaches_finished_and_reference(build):
    data, plain = build(augment=Twice(), excerpts_per_song=10), build(excerpts_per_song=10)
    for index in range(len(data)):
        example = data[0, index]
        assert example.finished.shape == example.reference.shape == plain[0, index].finished.shape
        assert torch.equal(example.knobs, plain[0, index].knobs)
        for audio in (example.finished, example.reference):
            ramp = torch.linspace(0, 1, 8_000) * 0.1 / 4 + audio[0, 0]  # of 4 s, at half the level
            torch.testing.assert_close(audio[0], ramp, atol=1e-4, rtol=0)
        starts = [4 * (20 * float(a[0, 0]) - 1) for a in (example.finished, example.reference)]
        assert all(-1e-3 <= start <= 2 + 1e-3 for start in starts)  # so that 2 s are there
        assert abs(starts[0] - starts[1]) > 1  # of 2 s each: as far apart as 4 s allow


def test_stems_are_read_where_the_excerpt_is(build, songs):
    stems = [replace(song, stems={"all": song.path}) for song in songs]
    without, with_stems = build(augment=Twice()), build(augment=Twice(), songs=stems)
    for index in range(len(without)):
        expected = 3 * without[0, index].finished  # 0.5 of the mix, and 1 of the stem
        torch.testing.assert_close(with_stems[0, index].finished, expected, atol=1e-5, rtol=0)
