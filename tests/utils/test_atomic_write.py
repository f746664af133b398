"""Tests of atomic writes: several writers of one file, errors, temporary names."""

import errno
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from ai_mixer.core.types import Song
from ai_mixer.data.feature_cache import CachedRow, FeatureCache
from ai_mixer.tracking.checkpoint_io import AtomicCheckpointIO, read_checkpoint
from ai_mixer.utils.atomic_write import (
    atomic_write,
    exclusive_write,
    remove_stale_drafts,
    temporary_name,
    write_bytes,
    write_text,
)

WRITERS = 2


class CachedExamples:
    """A feature cache: one file per song."""

    def __init__(self, folder):
        path = folder / "song.wav"
        path.write_bytes(b"sound")
        self.song = Song("song", path, "song", "artist", "train", 3.0, 44_100, 2)
        self.folder = folder / "cache"

    def write(self):
        row = CachedRow(torch.ones(3, 2), torch.ones(3, 4), torch.zeros(2), torch.ones(2).bool())
        FeatureCache(self.folder).append(self.song, [row])

    def read(self):
        return FeatureCache(self.folder).count(self.song) == 1


class Checkpoint:
    def __init__(self, folder):
        self.path = folder / "last.ckpt"

    def write(self):
        AtomicCheckpointIO("a" * 32).save_checkpoint({"epoch": 3}, self.path)

    def read(self):
        return read_checkpoint(self.path)["epoch"] == 3


def text_file(write):
    class Text:
        def __init__(self, folder):
            self.path = folder / "notes.txt"

        def write(self):
            write(self.path)

        def read(self):
            return self.path.read_text() == "whole"

    return Text


KINDS = {
    "cached examples": CachedExamples,
    "checkpoint": Checkpoint,
    "text": text_file(lambda path: write_text(path, "whole")),
    "bytes": text_file(lambda path: write_bytes(path, b"whole")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_two_concurrent_writers_leave_one_complete_file(kind, tmp_path, monkeypatch):
    """Both temporary files are written before the first one is renamed."""
    file, both, rename = KINDS[kind](tmp_path), threading.Barrier(WRITERS), os.replace

    def wait(*names, **options):
        both.wait(timeout=20)
        rename(*names, **options)

    monkeypatch.setattr(os, "replace", wait)
    before = set(tmp_path.rglob("*"))
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(file.write) for _ in range(WRITERS)]:
            done.result()
    assert file.read()
    new = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    assert len(new) == 1


def test_temporary_names_are_hidden_unique_and_of_valid_length():
    target = Path("songs") / ("ü" * 100 + ".wav")
    one, other = temporary_name(target), temporary_name(target)
    assert one != other
    assert one.parent == target.parent
    assert one.name.startswith(".")
    assert one.suffix == ".wav"
    assert len(os.fsencode(one.name)) <= 255


def test_an_error_leaves_no_file(tmp_path):
    target = tmp_path / "new" / ("ü" * 100 + ".txt")
    with pytest.raises(TypeError), atomic_write(target) as temporary, temporary.open("w") as file:
        file.writelines(["half", None])
    assert not list(target.parent.iterdir())
    with atomic_write(target, durable=True) as temporary:
        temporary.write_text("whole")
    assert [file.read_text() for file in target.parent.iterdir()] == ["whole"]


def test_an_exclusive_write_keeps_a_file_that_another_process_has_created(tmp_path):
    target = tmp_path / "mix.wav"

    def write():
        with exclusive_write(target) as draft:
            draft.write_text("second")
            target.write_text("first")

    with pytest.raises(FileExistsError, match="another process was first"):
        write()
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_an_exclusive_write_works_without_hard_links(tmp_path, monkeypatch, number):
    def link(*_):
        raise OSError(number, "no links")

    monkeypatch.setattr(os, "link", link)
    for folder in ("a", "b"):
        with exclusive_write(tmp_path / folder / "mix.wav") as draft:
            draft.write_text(folder)
        assert (tmp_path / folder / "mix.wav").read_text() == folder
    with pytest.raises(FileExistsError), exclusive_write(tmp_path / "a" / "mix.wav") as draft:
        draft.write_text("second")
    assert [file.read_text() for file in (tmp_path / "a").iterdir()] == ["a"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_second_of_two_exclusive_writers_is_told_who_is_first(tmp_path, overwrite):
    target = tmp_path / "mix.wav"
    with exclusive_write(target, overwrite) as draft:
        draft.write_text("first")
        for name in ("mix.wav", "MIX.wav"):
            with (
                pytest.raises(FileExistsError, match=f"process {os.getpid()} is writing it"),
                exclusive_write(tmp_path / name, overwrite),
            ):
                pass
        with exclusive_write(tmp_path / "mix.flac") as other:
            other.write_text("another file")
    assert target.read_text() == "first"


def test_drafts_of_a_killed_process_are_removed_and_those_of_a_live_one_are_not(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from ai_mixer.utils.atomic_write import atomic_write\n"
        "with atomic_write(Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('half'); print('ready', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "killed.wav")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        remove_stale_drafts(tmp_path)
        (draft,) = tmp_path.iterdir()
        assert f"-{process.pid}-" in draft.name
        process.kill()
    (tmp_path / ".notes.draft.txt").write_text("of the user")
    with exclusive_write(tmp_path / "other.wav") as own:
        own.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {".notes.draft.txt", "other.wav"}


def test_file_names_that_are_not_unicode_can_be_written_to_a_text_file(tmp_path):
    write_text(tmp_path / "a.json", '{"song": "\udcff.wav"}')
    assert json.loads((tmp_path / "a.json").read_text()) == {"song": "\udcff.wav"}
