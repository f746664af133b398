"""Headers are read once, and again only where the file has changed."""

import os

import pytest

from ai_mixer.data import headers as module
from ai_mixer.data.audio import Header


@pytest.fixture
def files(tmp_path, write_song):
    (tmp_path / "bad.wav").write_text("no sound")
    write_song(tmp_path / "a, b" / "one.wav")
    write_song(tmp_path / "two.wav", 2.0)
    return [tmp_path / name for name in ("a, b/one.wav", "two.wav", "bad.wav", "gone.wav")]


@pytest.fixture
def read(tmp_path, files, monkeypatch):
    """A function: ask for all headers. Returns them, and the names of the files opened."""
    opened = []
    probe = module.probe
    monkeypatch.setattr(module, "probe", lambda file: (opened.append(file.name), probe(file))[1])

    def ask(table=tmp_path / "index" / "table.csv"):
        opened.clear()
        return module.headers(files, tmp_path, table), sorted(opened)

    return ask


def test_a_second_start_opens_only_what_could_not_be_used(read):
    first, opened = read()
    assert opened == ["bad.wav", "gone.wav", "one.wav", "two.wav"]
    second, opened = read()
    assert opened == ["bad.wav", "gone.wav"]
    assert first[:2] == second[:2] == [Header(4.0, 8000, 2), Header(2.0, 8000, 2)]
    for _, _, bad, gone in (first, second):
        assert bad.reason.startswith("cannot be read as sound (Format")
        assert gone.reason == "cannot be read as sound (no such file)"


def test_only_what_changed_is_read_again(read, files, write_song):
    write_song(files[2], 3.0)
    write_song(files[3], 3.0)
    assert len(read()[1]) == 4
    assert read()[1] == []
    write_song(files[2], 1.0)
    found, opened = read()
    assert (found[2].duration_s, opened) == (1.0, ["bad.wav"])
    state = files[1].stat()
    os.utime(files[1], ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert read()[1] == ["two.wav"]


def test_a_file_that_is_gone_is_not_believed_to_be_there(read, files):
    read()
    files[1].unlink()
    assert "no such file" in read()[0][1].reason


def test_without_a_table_all_is_read(read):
    assert len(read(None)[1]) == len(read(None)[1]) == 4


def test_other_files_keep_their_rows(read, files, tmp_path):
    """Two subsets of a collection may share a table."""
    table = tmp_path / "table.csv"
    module.headers(files[:1], tmp_path, table)
    module.headers(files[1:2], tmp_path, table)
    assert read(table)[1] == ["bad.wav", "gone.wav"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"file,size\ntwo.wav,1\n", b"not,a\ntable"])
def test_a_table_that_is_none_is_written_anew(read, tmp_path, content):
    table = tmp_path / "index" / "table.csv"
    table.parent.mkdir()
    table.write_bytes(content)
    assert len(read()[1]) == 4
    assert len(read()[1]) == 2
    assert [file.name for file in table.parent.iterdir()] == ["table.csv"]
