"""Songs that are found to be unusable when an excerpt is read are replaced by others."""

import numpy as np
import pytest
import soundfile
import torch

from ai_mixer.console import load_console
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.dataset import MAX_REPLACEMENTS, SongDataset
from ai_mixer.data.folder import Folder
from ai_mixer.tasks.restore import Restore
from helpers.signals import noise

RATE = 8_000
DAMAGED, INVALID, SILENT = "rock/b/song.flac", "rock/c/song.wav", "jazz/d/song.wav"


def audio():
    """4 s of noise, [T, 2]."""
    return noise(2, seconds=4.0, rate=RATE).T.numpy()


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Eight songs by eight artists; three of them have a valid header and unusable audio."""
    root = tmp_path_factory.mktemp("music")
    for artist in ("rock/a", "rock/b", "rock/c", "jazz/d", "jazz/e", "jazz/f", "pop/g", "pop/h"):
        (root / artist).mkdir(parents=True)
        soundfile.write(root / artist / "song.wav", audio(), RATE, subtype="FLOAT")
    (root / "rock/b/song.wav").unlink()
    soundfile.write(root / DAMAGED, audio(), RATE)
    content = (root / DAMAGED).read_bytes()
    start, stop = len(content) * 3 // 10, len(content) * 6 // 10
    (root / DAMAGED).write_bytes(content[:start] + bytes(stop - start) + content[stop:])
    invalid = audio().copy()
    invalid[2 * RATE] = np.nan
    soundfile.write(root / INVALID, invalid, RATE, subtype="FLOAT")
    soundfile.write(root / SILENT, 0 * audio(), RATE)
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


def skipped(examples):
    """File → reason of all skipped songs."""
    return {song.file: song.reason for example in examples for song in example.skipped}


def test_headers_of_unusable_songs_are_valid(music):
    folder = Folder(music)
    assert len(folder.songs()) == 8
    assert not folder.skipped


def test_skipped_songs_have_reasons(build, music):
    data = build()
    examples = [data[0, index] for index in range(len(data))]
    reasons = skipped(examples)
    assert set(reasons) == {str(music / file) for file in (DAMAGED, INVALID, SILENT)}
    assert "damaged" in reasons[str(music / DAMAGED)]
    assert "NaN" in reasons[str(music / INVALID)]
    assert "silent" in reasons[str(music / SILENT)]


def test_replacements_are_usable(build, songs):
    data = build()
    for index in range(len(data)):
        example = data[0, index]
        assert example.finished.isfinite().all()
        assert example.finished.any()
        own = songs[index // 6].id
        assert (example.song_id == own) == (not example.skipped)


def test_only_excerpts_with_invalid_samples_are_replaced(build, music):
    """Two thirds of the excerpts do not contain the invalid sample."""
    data = build(excerpts_per_song=40)
    first = next(n for n, song in enumerate(data.songs) if song.path == music / INVALID)
    used = [not data[0, 40 * first + draw].skipped for draw in range(40)]
    assert 0.1 < np.mean(used) < 0.9


def test_replacements_depend_only_on_seed_and_key(build):
    keys = [(epoch, index) for epoch in (0, 3) for index in range(48)]
    one, other = build(seed=5), build(seed=5)
    forward = {key: one[key] for key in keys}
    for key in reversed(keys):
        example = other[key]
        assert example.song_id == forward[key].song_id
        assert example.skipped == forward[key].skipped
        assert torch.equal(example.finished, forward[key].finished)


def test_replacements_are_random(build, music):
    """Not the next song, since a whole album may be damaged."""
    data = build(excerpts_per_song=40)
    first = next(n for n, song in enumerate(data.songs) if song.path == music / SILENT)
    assert len({data[0, 40 * first + draw].song_id for draw in range(40)}) >= 4


@pytest.mark.slow
def test_skipped_songs_do_not_depend_on_workers(music):
    def batches(workers):
        options = {"sample_rate": RATE, "excerpt_s": 0.25, "excerpts_per_song": 4}
        task = Restore(load_console())
        data = MixDataModule(Folder(music), task, workers=workers, batch_size=8, **options)
        return list(data.train_dataloader())

    without, with_workers = batches(0), batches(2)
    assert [batch.song_id for batch in without] == [batch.song_id for batch in with_workers]
    assert [batch.skipped for batch in without] == [batch.skipped for batch in with_workers]
    assert any(batch.skipped for batch in without)
    pairs = zip(without, with_workers, strict=True)
    assert all(torch.equal(one.rough, other.rough) for one, other in pairs)


def test_unusable_references_are_skipped(build, music):
    """The second excerpt is read by the task."""
    songs = [song for song in build().songs if song.path == music / INVALID]
    data = build(songs=songs, excerpts_per_song=20)
    with pytest.raises(ValueError, match="1 songs in a row"):
        [data[0, index] for index in range(20)]


def test_too_many_unusable_songs_are_an_error(tmp_path, write_song, build):
    for number in range(MAX_REPLACEMENTS + 5):
        write_song(tmp_path / f"{number:02d}.wav", level=0.0)
    data = build(songs=Folder(tmp_path).songs())
    with pytest.raises(ValueError, match=rf"{MAX_REPLACEMENTS + 1} songs .*00\.wav") as caught:
        data[0, 0]
    assert "\n" not in str(caught.value)


def test_errors_of_the_task_are_raised(build, show_task):
    def broken(*args, **kwargs):
        raise ValueError("of the task")

    broken.condition = "any"
    with pytest.raises(ValueError, match=r"^of the task$"):
        build(task=broken)[0, 0]


def test_quiet_songs_are_used(tmp_path, write_song, build):
    """−66 dB is not silence."""
    write_song(tmp_path / "quiet.wav", level=0.0004)
    example = build(songs=Folder(tmp_path).songs())[0, 0]
    assert example.finished.any()
    assert not example.skipped


@pytest.mark.parametrize("level", [30.0, 30_000.0])
def test_audio_above_full_scale_is_attenuated(tmp_path, level):
    soundfile.write(tmp_path / "loud.wav", level * audio(), RATE, subtype="FLOAT")
    data = SongDataset(Folder(tmp_path).songs(), Restore(load_console()), sample_rate=RATE)
    for index in range(3):
        example = data[index, 0]
        assert example.finished.abs().max() <= 1.0
        assert example.rough.isfinite().all()
        assert not example.skipped


def test_stereo_width_is_masked_for_mono(tmp_path):
    soundfile.write(tmp_path / "mono.wav", audio()[:, 0], RATE)
    data = SongDataset(Folder(tmp_path).songs(), Restore(load_console()), sample_rate=RATE)
    names = load_console().names
    assert not data[0, 0].mask[list(names).index("stereo_width")]
    assert data[0, 0].mask[list(names).index("low_eq")]
