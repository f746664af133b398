"""Headers are read once, and again only where the file has changed."""

import os

import pytest

from ai_mixer.data import headers as module
from ai_mixer.data.audio import Header, SongError


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


def test_a_second_start_opens_nothing(read):
    first, opened = read()
    assert opened == ["bad.wav", "one.wav", "two.wav"]
    second, opened = read()
    assert opened == []
    assert first[:2] == second[:2] == [Header(4.0, 8000, 2), Header(2.0, 8000, 2)]
    for found in (first, second):
        assert all(isinstance(error, SongError) for error in found[2:])
        assert found[2].reason.startswith("cannot be read as sound")
        assert found[3].reason == "no such file"


def test_only_what_changed_is_read_again(read, tmp_path, write_song):
    read()
    write_song(tmp_path / "bad.wav", 1.0)
    found, opened = read()
    assert (found[2].duration_s, opened) == (1.0, ["bad.wav"])
    state = (tmp_path / "two.wav").stat()
    os.utime(tmp_path / "two.wav", ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert read()[1] == ["two.wav"]


def test_a_file_that_is_gone_is_not_believed_to_be_there(read, tmp_path):
    read()
    (tmp_path / "two.wav").unlink()
    assert read()[0][1].reason == "no such file"


def test_without_a_table_all_is_read(read):
    assert len(read(None)[1]) == len(read(None)[1]) == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"file,size\ntwo.wav,1\n", b"not,a\ntable"])
def test_a_table_that_is_none_is_written_anew(read, tmp_path, content):
    table = tmp_path / "index" / "table.csv"
    table.parent.mkdir()
    table.write_bytes(content)
    assert len(read()[1]) == 3
    assert read()[1] == []
    assert [file.name for file in table.parent.iterdir()] == ["table.csv"]
