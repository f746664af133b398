"""Terminals of any encoding, pipes, broken presets: right, or one clear line."""

import io
import json
import sys

import pytest
import soundfile

from ai_mixer import cli
from ai_mixer.audio import AudioFile


@pytest.fixture
def preset(song):
    path = song.with_name("preset.json")
    path.write_text(json.dumps({"format": 1, "console": "classic", "settings": {"low_eq": 1.0}}))
    return path


def run(monkeypatch, *arguments, stdin=b"", encoding="utf-8"):
    """Exit code, stdout and stderr as bytes, with standard streams of an encoding."""
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
    streams["stdin"] = io.TextIOWrapper(io.BytesIO(stdin), encoding)
    monkeypatch.setattr(sys, "argv", ["ai-mixer", *map(str, arguments)])
    with monkeypatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        with pytest.raises(SystemExit) as caught:
            cli.main()
        for name in ("stdout", "stderr"):
            streams[name].flush()
    output = (streams[name].buffer.getvalue() for name in ("stdout", "stderr"))
    return caught.value.code or 0, *output


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_output_does_not_fail_on_the_encoding_of_the_terminal(monkeypatch, song, preset, encoding):
    songs = [song.rename(song.with_name("Lied 大ü.wav")), song.with_name("no 大.wav")]
    code, out, err = run(monkeypatch, "mix", *songs, "--preset", preset, encoding=encoding)
    assert code == 1  # of the missing song
    assert b"1 of 2 songs done" in out
    text = out.decode(encoding)
    if encoding == "utf-8":
        assert "Lied 大ü.wav → " in text
    else:
        assert r"Lied \u5927" in text
        assert "->" in text
    assert err.startswith(b"error: ")
    assert b"codec" not in err
    code, out, err = run(monkeypatch, "analyse", songs[0], "--json", encoding=encoding)
    assert (code, err) == (0, b"")
    assert json.loads(out)["song"] == str(songs[0])


def test_a_dash_reads_and_writes_wav(monkeypatch, song, preset, tmp_path):
    before = {path.name for path in tmp_path.iterdir()}
    sound = song.read_bytes()
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, "mix", "-", "--preset", preset, "-o", "-", stdin=sound)
    assert code == 0, err
    assert out[:4] == b"RIFF"
    assert err.decode().startswith("stdin.wav → -\n")
    assert b"LUFS" in err
    mixed, rate = soundfile.read(io.BytesIO(out))
    assert (mixed.shape, rate) == ((AudioFile(song).frames, 2), 44_100)
    assert run(monkeypatch, "mix", "-", "--preset", preset, stdin=sound)[1] == out
    assert run(monkeypatch, "mix", song, "--preset", preset, "-o", "-")[1][:4] == b"RIFF"
    assert {path.name for path in tmp_path.iterdir()} == before
    code, out, err = run(monkeypatch, "analyse", "-", "--json", stdin=sound)
    assert json.loads(out)["song"] == "-"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("mix - -", "-"),
        ("mix - -o -", "empty"),
        ("mix a.wav b.wav -o -", "one song"),
        ("mix - a.wav", "-o"),
        ("mix a.wav --save-preset -", "--save-preset -"),
        ("mix a.wav --preset -", "--preset -"),
        ("compare a.wav -o -", "-o -"),
        ("knobs a.wav -o -", "-o -"),
    ],
)
def test_a_dash_that_makes_no_sense_is_one_line(
    monkeypatch, tmp_path, packaged_models, arguments, part
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, *arguments.split())
    assert (code, out) == (1, b"")
    assert err.startswith(b"error: ")
    assert err.count(b"\n") == 1
    assert part in err.decode()
    assert not list(tmp_path.iterdir())


def test_wav_is_not_written_to_a_terminal(monkeypatch, song, preset):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    monkeypatch.setattr(io, "TextIOWrapper", Terminal)
    code, out, err = run(monkeypatch, "mix", song, "--preset", preset, "-o", "-")
    assert (code, out) == (1, b"")
    assert b"terminal" in err


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{\n"format": 1,\n"console" "classic"}', "line 3, column 11"),
        ("", "line 1, column 1"),
        ("low_eq: 1", "line 1"),
        ("Größe".encode("latin-1"), "UTF-8"),
        (b"RIFF\xff\xff\xff\xff", "UTF-8"),
        (" " * 2_000_000, "longer than 1,048,576 bytes"),
    ],
    ids=["comma", "empty", "yaml", "latin-1", "audio", "long"],
)
def test_a_broken_preset_is_one_line_with_the_place(ai_mixer, song, preset, text, part):
    preset.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = ai_mixer("mix", song, "--preset", preset)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert part in done.err
    assert "preset.json" in done.err
