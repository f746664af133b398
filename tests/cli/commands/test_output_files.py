"""Every command: no input is overwritten, no result lost, whatever the options name."""

import json
import os
import subprocess
import sys

import pytest
import soundfile

from ai_mixer.cli.commands.jobs import plan_jobs
from ai_mixer.mixing import mix as mixing_of_a_song


def names(folder):
    return {path.name for path in folder.iterdir()}


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path, song, music, monkeypatch):
    """A folder with `s.wav`, `r.wav` and `page.html`, all sound, as the working folder."""
    song.rename(tmp_path / "s.wav")
    soundfile.write(tmp_path / "r.wav", music.T.numpy(), 44_100)
    (tmp_path / "page.html").write_bytes((tmp_path / "r.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        "mix s.wav --save-preset s.wav",
        "mix s.wav --save-preset r.wav --reference r.wav",
        "mix s.wav --save-preset other.flac",
        "mix s.wav --save-preset preset.json --preset preset.json",
        "mix s.wav --save-preset link.json --reference r.wav",
        "mix s.wav -o r.wav --reference r.wav",
        "mix s.wav -o s.wav",
        "mix s.wav r.wav --save-preset link.wav",
        "mix s.wav --save-preset s_mixed.wav",
        "mix s.wav --save-preset s_mixed.json",
        "mix s.wav --save-preset s_mixed.html",
        "mix s.wav --model model -o model/model.wav",
        "mix s.wav -o hard.wav --reference r.wav",
        "mix s.wav -o dangling.wav",
        "mix s.wav -o s.json --preset s.json",
        "enhance s.wav -o link.wav",
        "match s.wav r.wav -o r.wav",
        "match r.wav s.wav -o link.wav",
        "compare s.wav -o compared",
        "knobs page.html -o page.html",
        "knobs s.wav -o /dev/null",
    ],
)
def test_no_command_overwrites_its_input_even_with_force(ai_mixer, folder, monkeypatch, arguments):
    (folder / "link.wav").symlink_to("s.wav")
    (folder / "link.json").symlink_to("r.wav")
    (folder / "other.flac").write_bytes(b"another song")
    os.link(folder / "r.wav", folder / "hard.wav")
    (folder / "dangling.wav").symlink_to("unmounted/mix.wav")
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text("{}")
    (folder / "compared").mkdir()
    os.link(folder / "s.wav", folder / "compared" / "settings.csv")
    for name in ("preset.json", "s.json"):
        preset = {"format": 1, "console": "classic", "settings": {}}
        (folder / name).write_text(json.dumps(preset))
    before = contents(folder)
    monkeypatch.setattr(mixing_of_a_song, "measure", None)  # refused before any work
    done = ai_mixer(*arguments.split(), "--force")
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert "unexpected" not in line
    assert contents(folder) == before


def test_two_songs_of_one_name_have_different_results_settings_and_reports(ai_mixer, folder, music):
    for song in ("take.wav", "take.flac", "b/take.flac"):
        (folder / song).parent.mkdir(exist_ok=True)
        soundfile.write(folder / song, music.T.numpy(), 44_100)
    done = ai_mixer("mix", "take.wav", "take.flac")
    assert done.code == 0, done.err
    assert {"take_mixed.wav", "take_mixed.flac"} <= names(folder)
    settings = [json.loads(path.read_text())["song"] for path in folder.glob("take*.json")]
    assert sorted(settings) == ["take.flac", "take.wav"]
    assert len(list(folder.glob("take*.html"))) == 2
    done = ai_mixer("enhance", "take.flac", "b/take.flac", "-o", "results")
    assert done.code == 0, done.err
    assert names(folder / "results") >= {"take_enhanced.flac", "take_enhanced_2.flac"}
    assert len(list((folder / "results").iterdir())) == 6


def test_a_song_that_is_given_twice_is_mixed_once(ai_mixer, folder, log):
    done = ai_mixer("mix", "s.wav", "./s.wav", folder / "s.wav")
    assert done.code == 0, done.err
    assert "s.wav is given twice" in log.text
    assert done.out.count("s.wav → ") == 1
    assert {"s_mixed.wav", "s_mixed.json", "s_mixed.html"} <= names(folder)


@pytest.mark.slow
def test_the_second_of_two_processes_is_told_who_is_first(folder):
    command = [sys.executable, "-m", "ai_mixer.cli", "enhance", "s.wav"]
    start = {"cwd": folder, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **start) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    (line,) = [line for text in errors for line in text.splitlines()]
    assert "s_enhanced" in line
    assert "exists" in line or "is writing it" in line or "was first" in line
    assert {"s_enhanced.wav", "s_enhanced.json", "s_enhanced.html"} <= names(folder)
    assert not list(folder.glob(".*draft*"))


@pytest.mark.parametrize(
    ("songs", "output", "audio"),
    [
        (["s.wav"], "Album v1.2", "Album v1.2/s_mixed.wav"),
        (["s.wav"], "St. Anger", "St. Anger/s_mixed.wav"),
        (["s.wav"], "new", "new/s_mixed.wav"),
        (["s.wav"], "new.flac", "new.flac"),
        (["a.xyz"], None, "a_mixed.wav"),
    ],
)
def test_a_name_without_an_extension_is_a_folder(folder, songs, output, audio):
    songs = [folder / song for song in songs]
    with plan_jobs(songs, folder / output if output else None, "mixed") as plan:
        assert plan.jobs[0].files.audio == folder / audio


def test_several_songs_need_a_folder_and_a_folder_is_no_song(ai_mixer, folder):
    for arguments in (["s.wav", "r.wav", "-o", "a.wav"], ["."], ["s.wav", ".."], ["/"]):
        done = ai_mixer("mix", *arguments)
        assert done.code == 1
        assert done.err.startswith("error: ")
        assert done.err.count("\n") == 1
        assert "folder" in done.err
    assert names(folder) == {"s.wav", "r.wav", "page.html"}
