"""A full disk: error messages, intact files, and resuming."""

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
    """Function: MiB → a file system of this size; a second call resizes it."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def resize(mib):
        remount = "remount," if disk.is_mount() else ""
        command = ["mount", "-t", "tmpfs", "-o", f"{remount}size={mib}m", "tmpfs", str(disk)]
        mount = shutil.which("mount")
        if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting needs root")
        return disk

    yield resize
    if disk.is_mount():
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk):
    """Fill the disk to the last block."""
    with (disk / "filler").open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(1000))
            except OSError:
                return


def message_of(error):
    line = one_line_message(error, "train", [])
    assert "\n" not in line
    return line


def test_failed_checkpoint_keeps_the_old_one(tiny_disk):
    target = tiny_disk(1) / "last.ckpt"
    files = AtomicCheckpointIO("run")
    files.save_checkpoint({"epoch": 1, "weights": torch.zeros(1000)}, target)
    with pytest.raises(OSError, match=r"last\.ckpt") as caught:
        files.save_checkpoint({"epoch": 2, "weights": torch.zeros(10**6)}, target)
    assert f"could not write {target}" in message_of(caught.value)
    assert "make train ckpt_path=last" in message_of(caught.value)
    assert read_checkpoint(target)["epoch"] == 1
    assert list(target.parent.iterdir()) == [target]  # the temporary file is removed


def test_failed_write_keeps_the_old_file(tiny_disk):
    target = tiny_disk(1) / "index.html"
    write_bytes(target, b"old")
    with pytest.raises(OSError, match=r"index\.html") as caught:
        write_bytes(target, bytes(2**21))
    assert f"could not write {target}" in message_of(caught.value)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_failed_band_song_leaves_no_partial_song(tiny_disk, monkeypatch):
    """The encoder itself reports no error on a full disk."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 44_100))
    monkeypatch.setattr(
        generate, "synthesise_song", lambda *_: dict.fromkeys(generate.FILES, noise)
    )
    disk = tiny_disk(4)

    def generate_songs():
        for number in range(9):
            generate.generate_song(generate.SongJob("rock", number), disk, 1.0, 0, 44_100)

    with pytest.raises(OSError, match=r"flac") as caught:
        generate_songs()
    assert re.search(r"could not write .*/\w+\.flac", message_of(caught.value))
    songs = list(disk.iterdir())
    assert songs
    for song in songs:
        assert {file.name for file in song.iterdir()} == {f"{name}.flac" for name in generate.FILES}


def test_database_is_intact_after_a_full_disk(tiny_disk, capfd):
    configure_warnings()
    disk = tiny_disk(2)
    store = Store(disk / "mlruns")

    def log_until_full():
        with Run.start(store, "full") as run:
            run.log_metrics({"before": 1.0})
            ids.append(run.id)
            fill(disk)
            for step in range(100):
                run.log_metrics({f"metric {number}": 1.0 for number in range(100)}, step)

    ids = []
    with pytest.raises(Exception, match="disk is full") as caught:
        log_until_full()
    assert "could not write" in message_of(caught.value)
    assert "Traceback" not in capfd.readouterr().err
    (disk / "filler").unlink()
    with sqlite3.connect(store.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Run.resume(Store(store.folder), ids[0]) as run:
        run.log_metrics({"after": 1.0})
    assert {"before", "after"} <= set(store.client.get_run(run.id).data.metrics)


@pytest.mark.slow
def test_training_is_resumed_after_a_full_disk(tiny_disk, small_overrides, home):
    """One checkpoint fits and a second one does not."""
    disk = tiny_disk(8)

    def train(*overrides):
        command = [
            sys.executable,
            "-m",
            "ai_mixer.cli.stages.train",
            *overrides,
            f"paths.mlruns={disk}/mlruns",
        ]
        return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)

    first = train(*(text for text in small_overrides if not text.startswith("paths.mlruns")))
    assert first.returncode == 1, first.stderr
    assert "Traceback" not in first.stderr
    (line,) = [line for line in first.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(r"could not write .*\.ckpt.* make train ckpt_path=last", line)
    (last,) = disk.rglob("last.ckpt")
    read_checkpoint(last)
    tiny_disk(64)
    second = train("ckpt_path=last")
    assert second.returncode == 0, second.stderr
    pattern = "^(?:resuming )?run ([0-9a-f]{32})"
    started = re.findall(pattern, first.stderr + second.stderr, re.MULTILINE)
    assert len(started) == 2
    assert len(set(started)) == 1
    assert Store(disk / "mlruns").client.get_run(started[0]).info.status == "FINISHED"
