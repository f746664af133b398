"""A disk that is full for real: what is said, what stays whole, and how it goes on."""

import re
import shutil
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
import torch

from ai_mixer.cli.errors import one_line_message
from ai_mixer.data.band import generate
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.checkpoint_io import AtomicCheckpointIO, read_checkpoint
from ai_mixer.utils.atomic_write import write_bytes
from ai_mixer.utils.progress import configure_warnings


@pytest.fixture
def tiny_disk(tmp_path):
    """A function: MiB → a disk of its own with so much room; called again it grows."""
    place = tmp_path / "disk"
    place.mkdir()

    def of(mib):
        again = "remount," if place.is_mount() else ""
        command = ["mount", "-t", "tmpfs", "-o", f"{again}size={mib}m", "tmpfs", str(place)]
        mount = shutil.which("mount")
        if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a disk")
        return place

    yield of
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk):
    """Use the disk up, to the last block."""
    with (disk / "filler").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(1000))
            except OSError:
                return


def said(error):
    line = one_line_message(error, "train", [])
    assert "\n" not in line
    return line


def test_a_checkpoint_that_does_not_fit_leaves_the_old_one(tiny_disk):
    target = tiny_disk(1) / "last.ckpt"
    files = AtomicCheckpointIO("run")
    files.save_checkpoint({"epoch": 1, "weights": torch.zeros(1000)}, target)
    with pytest.raises(OSError, match=r"last\.ckpt") as caught:
        files.save_checkpoint({"epoch": 2, "weights": torch.zeros(10**6)}, target)
    assert f"could not write {target}; free some" in said(caught.value)
    assert "make train ckpt_path=last" in said(caught.value)
    assert read_checkpoint(target)["epoch"] == 1
    assert list(target.parent.iterdir()) == [target]  # the room it took is free again


def test_a_page_that_does_not_fit_leaves_the_old_one(tiny_disk):
    target = tiny_disk(1) / "index.html"
    write_bytes(target, b"old")
    with pytest.raises(OSError, match=r"index\.html") as caught:
        write_bytes(target, bytes(2**21))
    assert f"could not write {target}" in said(caught.value)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_a_band_song_that_does_not_fit_leaves_no_half_song(tiny_disk, monkeypatch):
    """The encoder itself says nothing of a full disk."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 44_100))
    monkeypatch.setattr(
        generate, "synthesise_song", lambda *_: dict.fromkeys(generate.FILES, noise)
    )
    disk = tiny_disk(4)

    def play():
        for number in range(9):
            generate.generate_song(generate.SongJob("rock", number), disk, 1.0, 0, 44_100)

    with pytest.raises(OSError, match=r"flac") as caught:
        play()
    assert re.search(r"could not write .*/\w+\.flac; free some", said(caught.value))
    songs = list(disk.iterdir())
    assert songs
    for song in songs:
        assert {file.name for file in song.iterdir()} == {f"{name}.flac" for name in generate.FILES}


def test_a_database_that_does_not_fit_is_whole(tiny_disk, capfd):
    configure_warnings()
    disk = tiny_disk(2)
    store = Store(disk / "mlruns")

    def too_much():
        with Run.start(store, "full") as run:
            run.log_metrics({"before": 1.0})
            ids.append(run.id)
            fill(disk)
            for step in range(100):
                run.log_metrics({f"metric {number}": 1.0 for number in range(100)}, step)

    ids = []
    with pytest.raises(Exception, match="disk is full") as caught:
        too_much()
    assert "could not write the runs' database; free some" in said(caught.value)
    assert "Traceback" not in capfd.readouterr().err
    (disk / "filler").unlink()
    with sqlite3.connect(store.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Run.resume(Store(store.folder), ids[0]) as run:
        run.log_metrics({"after": 1.0})
    assert {"before", "after"} <= set(store.client.get_run(run.id).data.metrics)


@pytest.mark.slow
def test_a_training_says_it_and_goes_on_when_there_is_room(tiny_disk, words, home):
    """One checkpoint fits and no second one: found when the first epoch is kept."""
    disk = tiny_disk(8)

    def train(*more):
        command = [
            sys.executable,
            "-m",
            "ai_mixer.cli.stages.train",
            *more,
            f"paths.mlruns={disk}/mlruns",
        ]
        return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)

    given = [word for word in words if not word.startswith("paths.mlruns")]
    first = train(*given)
    assert first.returncode == 1, first.stderr
    assert "Traceback" not in first.stderr
    (line,) = [line for line in first.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(r"could not write .*\.ckpt; free some.* make train ckpt_path=last", line)
    (last,) = disk.rglob("last.ckpt")
    read_checkpoint(last)
    tiny_disk(64)
    second = train("ckpt_path=last")
    assert second.returncode == 0, second.stderr
    started = re.findall("^run ([0-9a-f]{32})", first.stdout + second.stdout, re.MULTILINE)
    assert len(set(started)) == 1
    assert Store(disk / "mlruns").client.get_run(started[0]).info.status == "FINISHED"
