"""Songs that turn out to be unusable only when an excerpt is read: another one stands in."""

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.console import load_console
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.dataset import MAX_REPLACEMENTS, SongDataset
from ai_mixer.data.excerpt_sampler import MAX_SILENT_DRAWS
from ai_mixer.data.folder import Folder
from ai_mixer.tasks.restore import Restore

RATE = 8_000
TRUNCATED, HOLED, SILENT = "rock/b/song.flac", "rock/c/song.wav", "jazz/d/song.wav"


def tone(seconds=4.0):
    """[T, 2] of noise that no two channels share."""
    return np.random.default_rng(0).normal(0, 0.1, (round(seconds * RATE), 2))


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Eight songs by eight artists; three of them have a good header and bad sound."""
    root = tmp_path_factory.mktemp("music")
    for place in ("rock/a", "rock/b", "rock/c", "jazz/d", "jazz/e", "jazz/f", "pop/g", "pop/h"):
        (root / place).mkdir(parents=True)
        soundfile.write(root / place / "song.wav", tone(), RATE, subtype="FLOAT")
    (root / "rock/b/song.wav").unlink()
    soundfile.write(root / TRUNCATED, tone(), RATE)
    blob = (root / TRUNCATED).read_bytes()
    (root / TRUNCATED).write_bytes(blob[: len(blob) // 20])
    holed = tone()
    holed[2 * RATE] = np.nan
    soundfile.write(root / HOLED, holed, RATE, subtype="FLOAT")
    soundfile.write(root / SILENT, 0 * tone(), RATE)
    return root


@pytest.fixture
def songs(music):
    return Folder(music).songs()


@pytest.fixture
def build(songs, show_task):
    def build(**options):
        options = {"sample_rate": RATE, "excerpt_s": 1.0, "excerpts_per_song": 6} | options
        return SongDataset(options.pop("songs", songs), options.pop("task", show_task), **options)

    return build


def met(examples):
    """File → reason of everything skipped, files relative to the music."""
    return {song.file: song.reason for example in examples for song in example.skipped}


def test_the_headers_are_good(music):
    folder = Folder(music)
    assert len(folder.songs()) == 8
    assert not folder.skipped


def test_each_is_named_with_its_reason(build, music):
    data = build()
    examples = [data[0, index] for index in range(len(data))]
    reasons = met(examples)
    assert set(reasons) == {str(music / place) for place in (TRUNCATED, HOLED, SILENT)}
    assert "damaged" in reasons[str(music / TRUNCATED)]
    assert "NaN" in reasons[str(music / HOLED)]
    assert f"silent in each of {MAX_SILENT_DRAWS} places" in reasons[str(music / SILENT)]


def test_what_stands_in_is_sound(build, songs):
    """Every example is there, finite and not silent, and says whose it is."""
    data = build()
    for index in range(len(data)):
        example = data[0, index]
        assert example.finished.isfinite().all()
        assert example.finished.any()
        own = songs[index // 6].id
        assert (example.song_id == own) == (not example.skipped)


def test_only_the_holes_of_a_song_are_left_out(build, music):
    """Seven in ten places of the song are far from its one bad sample."""
    data = build(excerpts_per_song=40)
    first = next(n for n, song in enumerate(data.songs) if song.path == music / HOLED)
    kept = [not data[0, 40 * first + draw].skipped for draw in range(40)]
    assert 0.1 < np.mean(kept) < 0.9


def test_the_key_decides_who_stands_in(build):
    keys = [(epoch, index) for epoch in (0, 3) for index in range(48)]
    one, other = build(seed=5), build(seed=5)
    forward = {key: one[key] for key in keys}
    for key in reversed(keys):
        again = other[key]
        assert again.song_id == forward[key].song_id
        assert again.skipped == forward[key].skipped
        assert torch.equal(again.finished, forward[key].finished)


def test_others_stand_in_by_lot(build, music):
    """Not always the neighbour: a whole album may be damaged."""
    data = build(excerpts_per_song=40)
    first = next(n for n, song in enumerate(data.songs) if song.path == music / SILENT)
    assert len({data[0, 40 * first + draw].song_id for draw in range(40)}) >= 4


def test_workers_and_batches_change_nothing(music):
    def batches(workers):
        options = {"sample_rate": RATE, "excerpt_s": 0.25, "excerpts_per_song": 4}
        task = Restore(load_console())
        data = MixDataModule(Folder(music), task, workers=workers, batch_size=8, **options)
        return list(data.train_dataloader())

    here, there = batches(0), batches(2)
    assert [batch.song_id for batch in here] == [batch.song_id for batch in there]
    assert [batch.skipped for batch in here] == [batch.skipped for batch in there]
    assert any(batch.skipped for batch in here)
    assert all(torch.equal(a.rough, b.rough) for a, b in zip(here, there, strict=True))


def test_a_bad_reference_counts_too(build, music):
    """The second excerpt is read later, within the task."""
    alone = [song for song in build().songs if song.path == music / HOLED]
    data = build(songs=alone, excerpts_per_song=20)
    with pytest.raises(ValueError, match="1 songs in a row"):
        [data[0, index] for index in range(20)]


def test_too_many_in_a_row_are_an_error(tmp_path, write_song, build):
    for number in range(MAX_REPLACEMENTS + 5):
        write_song(tmp_path / f"{number:02d}.wav", level=0.0)
    data = build(songs=Folder(tmp_path).songs())
    with pytest.raises(
        ValueError, match=rf"{MAX_REPLACEMENTS + 1} songs in a row .*00\.wav: silent"
    ) as caught:
        data[0, 0]
    assert "\n" not in str(caught.value)


def test_an_error_of_the_task_is_no_song_s_fault(build, show_task):
    def broken(*args, **more):
        raise ValueError("mine")

    broken.condition = "any"
    with pytest.raises(ValueError, match=r"^mine$"):
        build(task=broken)[0, 0]


def test_a_quiet_song_is_used_as_it_is(tmp_path, write_song, build):
    """−66 dB is quiet, but it is music."""
    write_song(tmp_path / "quiet.wav", level=0.0004)
    example = build(songs=Folder(tmp_path).songs())[0, 0]
    assert example.finished.any()
    assert not example.skipped


@pytest.mark.parametrize("level", [30.0, 30_000.0])
def test_far_above_full_scale_is_turned_down(tmp_path, level):
    soundfile.write(tmp_path / "hot.wav", level * tone(), RATE, subtype="FLOAT")
    data = SongDataset(Folder(tmp_path).songs(), Restore(load_console()), sample_rate=RATE)
    for index in range(3):
        example = data[index, 0]
        assert example.finished.abs().max() <= 1.0
        assert example.rough.isfinite().all()
        assert not example.skipped


def test_mono_has_no_width_to_learn(tmp_path):
    soundfile.write(tmp_path / "mono.wav", tone()[:, 0], RATE)
    data = SongDataset(Folder(tmp_path).songs(), Restore(load_console()), sample_rate=RATE)
    names = load_console().names
    assert not data[0, 0].mask[list(names).index("stereo_width")]
    assert data[0, 0].mask[list(names).index("low_eq")]
