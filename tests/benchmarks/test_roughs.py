"""Rough versions by another processor: processing, determinism, and reading them as pairs."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import soundfile

from ai_mixer.config.folder import config_folder
from ai_mixer.core.types import Song
from ai_mixer.data.file_digest import digest_file
from ai_mixer.data.folder import Folder
from ai_mixer.data.paired_folder import PairedFolder
from helpers.measures import residual_db
from helpers.signals import noise, sine

FOLDER = config_folder().parent / "benchmarks" / "roughs"
RATE = 44100
OPTIONS = {"excerpts": 1, "seconds": 1.5, "sample_rate": RATE, "seed": 0}

pytest.importorskip("pedalboard", reason="part of the extra `dev`")


@pytest.fixture(scope="module")
def roughs():
    """The script as a module."""
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("roughs_script", FOLDER / "__main__.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(FOLDER))
        del sys.modules["processor"]


@pytest.fixture(scope="module")
def processor(roughs):
    return sys.modules["processor"]


@pytest.fixture(scope="module")
def songs(songs_folder):
    return Folder(songs_folder).songs()


@pytest.fixture
def neutral(processor):
    flat = processor.Band(1000.0, 0.0, 0.7)
    return processor.RoughSettings(flat, flat, flat, flat, -20.0, 1.0, 0.0, 0.0)


def stereo_sine(hz, level=0.1):
    return np.tile(sine(hz, level=level).numpy(), (2, 1)).astype(np.float32)


def level_db(after, before):
    """Change of the power in the second half, where filters have settled."""
    powers = [np.square(x[..., x.shape[-1] // 2 :]).mean() for x in (after, before)]
    return 10 * np.log10(powers[0] / powers[1])


def test_neutral_is_the_identity(processor, neutral):
    x = noise(2, RATE).numpy()
    assert residual_db(processor.make_rough(x, RATE, neutral), x) < -90


@pytest.mark.parametrize(
    ("name", "hz", "expected"),
    [
        ("low_shelf", 40, 6.0),
        ("low_shelf", 15_000, 0.0),
        ("low_peak", 1000, 6.0),
        ("high_peak", 1000, 6.0),
        ("high_peak", 60, 0.0),
        ("high_shelf", 18_000, 6.0),
        ("high_shelf", 40, 0.0),
    ],
)
def test_each_band_has_its_gain_at_its_frequency(processor, neutral, name, hz, expected):
    band = processor.Band(1000.0, 6.0, 0.7)
    changed = processor.make_rough(stereo_sine(hz), RATE, neutral._replace(**{name: band}))
    assert level_db(changed, stereo_sine(hz)) == pytest.approx(expected, abs=0.2)


def test_level_width_and_expansion(processor, neutral):
    x = noise(2, RATE).numpy()
    louder = processor.make_rough(x, RATE, neutral._replace(level_db=3.0))
    assert level_db(louder, x) == pytest.approx(3.0, abs=0.01)
    wide = processor.make_rough(x, RATE, neutral._replace(side_db=-6.0))
    assert level_db(wide[0] - wide[1], x[0] - x[1]) == pytest.approx(-6.0, abs=0.01)
    assert level_db(wide[0] + wide[1], x[0] + x[1]) == pytest.approx(0.0, abs=0.01)
    expanded = neutral._replace(expander_ratio=2.0, expander_threshold_db=-20.0)
    loud, quiet = stereo_sine(500, 0.5), stereo_sine(500, 0.01)
    assert level_db(processor.make_rough(loud, RATE, expanded), loud) > -0.5
    assert level_db(processor.make_rough(quiet, RATE, expanded), quiet) < -10


def test_drawn_settings_are_within_their_ranges(processor):
    rows = pd.DataFrame(
        [processor.draw_settings(np.random.default_rng(n)).row() for n in range(300)]
    )
    gains = rows.filter(regex="gain_db$|^side_db$|^level_db$")
    assert gains.shape[1] == 6
    assert ((gains.min() < -5) & (gains.max() > 5) & (gains.abs().max() <= 6)).all()
    assert rows.expander_ratio.between(1, 2).all()
    assert rows.filter(regex="_hz$").min().min() >= 50
    assert rows.filter(regex="_hz$").max().max() <= 12_000


def test_triples_are_read_as_pairs(roughs, songs, songs_folder, tmp_path):
    out = tmp_path / "my roughs"
    manifest, skipped = roughs.make_roughs(songs, out, **OPTIONS)
    assert not skipped
    assert len(manifest) == 6
    read = {song.song: song for song in PairedFolder(out).songs()}
    for song in songs:
        pair = read[song.song]
        assert (pair.split, pair.genre, pair.group) == (song.split, song.genre, song.group)
        assert pair.rough_lag_s == 0.0
        assert pair.duration_s == 1.0  # a third of the song
        assert pair.reference.path.name == "reference.wav"
    assert {s.split for s in Folder(out).songs()} == {"train", "val", "test"}
    pair, row = read["rock/a/song"], manifest.set_index("song").loc["rock/a/song"]
    assert pair.source_digest == digest_file(songs_folder / "rock/a/song.flac")
    before, after, reference = (
        soundfile.read(file, dtype="float32")[0]
        for file in (pair.rough_path, pair.path, pair.reference.path)
    )
    whole, _ = soundfile.read(songs_folder / "rock" / "a" / "song.flac", dtype="float32")
    for audio, start_s in ((after, row.start_s), (reference, row.reference_start_s)):
        start = round(start_s * RATE)
        np.testing.assert_array_equal(audio, whole[start : start + len(audio)])
    assert abs(row.start_s - row.reference_start_s) >= 1.0
    assert len(before) == len(after) == len(reference) == RATE
    assert np.abs(before - after).max() > 0.01


def test_files_are_deterministic(roughs, songs, tmp_path):
    roughs.make_roughs(songs, tmp_path / "one", **OPTIONS)
    time.sleep(1.1)  # a file that contains the time would differ
    roughs.make_roughs(songs[2:0:-1], tmp_path / "two", **OPTIONS)  # fewer, in another order
    roughs.make_roughs(songs[1:2], tmp_path / "other", **OPTIONS | {"seed": 1})
    for file in sorted((tmp_path / "two").rglob("*.wav")):
        name = file.relative_to(tmp_path / "two")
        assert file.read_bytes() == (tmp_path / "one" / name).read_bytes()
    name = sorted((tmp_path / "other").rglob("before.wav"))[0].relative_to(tmp_path / "other")
    assert (tmp_path / "other" / name).read_bytes() != (tmp_path / "one" / name).read_bytes()


def test_several_excerpts_belong_to_one_song(roughs, songs, tmp_path):
    manifest, _ = roughs.make_roughs(songs[:2], tmp_path / "out", **OPTIONS | {"excerpts": 2})
    assert len(manifest) == 4
    read = PairedFolder(tmp_path / "out").songs()
    assert len({song.id for song in read}) == 4
    assert {song.song for song in read} == {song.song for song in songs[:2]}
    assert len(set(manifest.level_db)) == 4


def test_no_file_is_overwritten_or_written_outside_of_the_folder(roughs, songs, tmp_path):
    out = tmp_path / "out"
    roughs.make_roughs(songs[:1], out, **OPTIONS)
    with pytest.raises(ValueError, match=r"out=.*empty"):
        roughs.make_roughs(songs[:1], out, **OPTIONS)
    outside = Song(**{**vars(songs[0]), "id": "../../outside"})
    roughs.make_roughs([outside], tmp_path / "in" / "side", **OPTIONS)
    assert (tmp_path / "in" / "side" / "pairs" / "outside" / "after.wav").exists()
    with pytest.raises(ValueError, match="two songs"):
        roughs.make_roughs([outside, outside], tmp_path / "duplicate", **OPTIONS)


def test_damaged_songs_are_skipped_and_invalid_options_raise(roughs, songs, songs_folder, tmp_path):
    copy = shutil.copytree(songs_folder, tmp_path / "songs")
    broken = Song(**{**vars(songs[0]), "path": copy / "broken.flac", "id": "broken"})
    broken.path.write_text("not audio")
    _, skipped = roughs.make_roughs([broken, songs[1]], tmp_path / "out", **OPTIONS)
    assert [song.file for song in skipped] == [str(broken.path)]
    with pytest.raises(ValueError, match=r"no song .*broken\.flac"):
        roughs.make_roughs([broken], tmp_path / "other", **OPTIONS)
    with pytest.raises(ValueError, match=r"excerpts=0"):
        roughs.make_roughs(songs, tmp_path / "third", **OPTIONS | {"excerpts": 0})


@pytest.mark.slow
def test_script_runs_in_a_new_process(songs_folder, tmp_path):
    command = [sys.executable, str(FOLDER), "data=folder", f"data.root={songs_folder}"]
    command += [f"paths.data={tmp_path / 'data'}", f"out={tmp_path / 'out'}", "seconds=1"]

    def run(*overrides):
        environment = {k: v for k, v in os.environ.items() if k != "AI_MIXER_MUSIC"}
        return subprocess.run(
            [*command, *overrides], capture_output=True, text=True, check=False, env=environment
        )

    process = run()
    assert process.returncode == 0, process.stderr
    assert f"make evaluate run=last data=pairs data.root={tmp_path / 'out'}" in process.stdout
    assert {song.split for song in PairedFolder(tmp_path / "out").songs()} == {"test"}
    assert run("split=tst").stderr.strip().splitlines()[-1].startswith("error: split=tst")
