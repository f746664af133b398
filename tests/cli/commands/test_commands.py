"""Every command of `ai-mixer`, every option of `mix`, and what is said when something is wrong."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.console import load_console
from ai_mixer.inference import pretrained

RATE = 44_100


def settings(path):
    return json.loads(path.read_text())["settings"]


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['ai-mixer', 'mix', '--help']\n"
        "from ai_mixer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n"
        "    print([m for m in ('torch', 'numpy', 'hydra', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert "--adaptive" in done.stdout


def test_mixing_loads_nothing_that_trains(song, packaged_models):
    code = (
        "import sys; from pathlib import Path; from ai_mixer import packaged\n"
        f"packaged.HOME = Path({str(packaged_models)!r})\n"
        f"sys.argv = ['ai-mixer', 'mix', {str(song)!r}]\n"
        "from ai_mixer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n"
        "    print([m for m in ('mlflow', 'pytorch_lightning', 'pandas', 'sklearn', 'librosa',\n"
        "        'matplotlib', 'auraloss', 'optuna', 'scipy.fft') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout
    assert (song.parent / "Mein Lied_mixed.wav").exists()


def test_mix_beside_the_song(ai_mixer, song):
    done = ai_mixer("mix", song)
    assert done.code == 0, done.err
    assert "LUFS" in done.out
    assert names(song.parent) >= {f"Mein Lied_mixed.{e}" for e in ("wav", "json", "html")}
    again = ai_mixer("mix", song)
    assert again.code == 1
    assert again.err.count("\n") <= 2
    assert "--force overwrites" in again.err
    assert ai_mixer("mix", song, "--force").code == 0


def test_mix_with_every_option(ai_mixer, song, tmp_path):
    out = tmp_path / "out.flac"
    words = ["--model", "AST Regressor", "--amount", "0.5", "--amount", "eq=1", "--only"]
    words += ["eq,width,compressor", "--set", "low_eq=+1.5", "--style", "vocal"]
    words += ["--target", "-16", "--ceiling", "-2", "--save-preset", tmp_path / "mine.json"]
    done = ai_mixer("mix", song, "-o", out, "--reference", song, *words)
    assert done.code == 0, done.err
    page = json.loads(out.with_suffix(".json").read_text())
    assert page["model"] == "ast_regressor"
    assert page["settings"]["low_eq"] == 1.5
    assert page["settings"]["presence"] == 1.0  # not among `--only`
    assert (page["target"], page["ceiling_db"]) == (-16.0, -2.0)
    assert page["measured"]["after"]["loudness_lufs"] == pytest.approx(-16, abs=0.1)
    assert settings(tmp_path / "mine.json") == page["settings"]
    again = ai_mixer("mix", song, "-o", tmp_path / "b.flac", "--preset", tmp_path / "mine.json")
    assert again.code == 0, again.err
    assert (tmp_path / "b.flac").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("style", ["natural", "vocal", "loud", "creative"])
def test_styles_differ_as_they_say(ai_mixer, song, tmp_path, style):
    for name, words in (("plain", []), (style, ["--style", style])):
        assert ai_mixer("mix", song, "-o", tmp_path / f"{name}.wav", *words).code == 0
    plain, styled = (settings(tmp_path / f"{name}.json") for name in ("plain", style))
    page = json.loads((tmp_path / f"{style}.json").read_text())
    if style == "natural":
        assert abs(styled["low_eq"]) <= min(2, abs(plain["low_eq"]))
    if style == "vocal":
        assert styled["presence"] > plain["presence"] or styled["presence"] == 1.1
    if style == "loud":
        assert styled["compressor_ratio"] >= 2
        assert page["target"] == -12
    if style == "creative":
        assert styled["reverb"] >= 0.12


def test_many_files_one_of_them_bad(ai_mixer, song, tmp_path):
    shutil.copy(song, tmp_path / "two 大.wav")
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    songs = [song, tmp_path / "bad.wav", tmp_path / "two 大.wav"]
    done = ai_mixer("mix", *songs, "-o", tmp_path / "results")
    assert done.code == 1
    assert "2 of 3 songs done" in done.out
    assert "bad.wav: cannot be read as sound" in done.err
    assert "Traceback" not in done.err
    assert names(tmp_path / "results") >= {"Mein Lied_mixed.wav", "two 大_mixed.wav"}


def test_compare(ai_mixer, song, tmp_path):
    done = ai_mixer("compare", song, "-o", tmp_path / "all", "--model", "ast_regressor")
    assert done.code == 0, done.err
    assert "mixing_comparison.png" in done.out
    assert names(tmp_path / "all") >= {"Mein Lied_original.wav", "settings.csv"}


def test_enhance_gives_a_little_more_crest(ai_mixer, song, tmp_path, music):
    soft = tmp_path / "soft.wav"
    soundfile.write(soft, 0.4 * music.T.numpy(), RATE, subtype="FLOAT")
    done = ai_mixer("enhance", soft)
    assert done.code == 0, done.err
    page = json.loads((tmp_path / "soft_enhanced.json").read_text())
    flat = ai_mixer("mix", soft, "-o", tmp_path / "flat.wav", "--preset", _flat(tmp_path, page))
    assert flat.code == 0, flat.err
    before = json.loads((tmp_path / "flat.json").read_text())["measured"]["after"]
    after = page["measured"]["after"]
    assert 0.2 <= after["crest_db"] - before["crest_db"] <= 0.5
    assert after["loudness_lufs"] == pytest.approx(
        page["measured"]["before"]["loudness_lufs"], abs=0.1
    )
    for name, knob in {k.name: k for k in load_console(ranges="gentle").knobs}.items():
        assert knob.low <= page["settings"][name] <= knob.high


def _flat(folder, page):
    """The same settings without the expansion."""
    path = folder / "flat_preset.json"
    path.write_text(json.dumps({**page, "expand_db": 0.0}))
    return path


def test_match_finds_what_was_done(ai_mixer, tmp_path, music):
    rough = 0.5 * music.repeat(1, 2)
    console = load_console()
    wanted = {"low_eq": 3.0, "high_eq": -2.0, "stereo_width": 1.3, "output_level": 0.8}
    finished = console(rough[None], RATE, console.knobs_from(wanted), limit=False)[0]
    for name, audio in (("rough", rough), ("finished", finished)):
        soundfile.write(tmp_path / f"{name}.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    done = ai_mixer("match", tmp_path / "rough.wav", tmp_path / "finished.wav")
    assert done.code == 0, done.err
    found = settings(tmp_path / "rough_matched.json")
    assert found["low_eq"] == pytest.approx(3.0, abs=0.3)
    assert found["high_eq"] == pytest.approx(-2.0, abs=0.3)
    assert found["stereo_width"] == pytest.approx(1.3, abs=0.05)
    mix = torch.cat(list(AudioFile(tmp_path / "rough_matched.wav").blocks()), -1)
    assert float((mix - finished).square().mean() / finished.square().mean()) < 10 ** (-25 / 10)


def test_match_with_another_song_takes_it_as_a_reference(ai_mixer, song, tmp_path):
    other = 0.1 * torch.randn(4 * RATE, 2, generator=torch.Generator().manual_seed(0))
    soundfile.write(tmp_path / "other.wav", other.numpy(), RATE)
    done = ai_mixer("match", song, tmp_path / "other.wav")
    assert done.code == 0, done.err
    assert "taken as a reference" in done.out


def test_analyse(ai_mixer, song):
    done = ai_mixer("analyse", song)
    assert done.code == 0, done.err
    assert "0:03, WAV, 44100 Hz, stereo" in done.out
    found = json.loads(ai_mixer("analyse", song, "--json").out)
    assert found["tags"]["title"] == "Größe"
    assert ai_mixer("analyse", song.parent / "none.wav").code == 1


def test_models(ai_mixer, monkeypatch, tmp_path):
    assert ai_mixer("models").out.splitlines()[:2] == [
        "baseline_cnn           Baseline CNN  (champion)",
        "  Tiny, for tests.",
    ]
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path)
    assert "no model is packaged" in ai_mixer("models").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--amount", "2"], "amount=2: an amount is 0"),
        (["--amount", "bass=1"], "no stage or knob 'bass'"),
        (["--amount", "much"], "'much' is no number"),
        (["--set", "treble=1"], "no knob named 'treble': there is input_gain"),
        (["--set", "low_eq"], "write name=value"),
        (["--set", "low_eq=40"], "low_eq is 40 dB: it goes from -6 to 6"),
        (["--style", "metal"], "no style 'metal': there is natural"),
        (["--target", "loud"], "give none, streaming"),
        (["--target", "5"], "must be -60 to 0"),
        (["--ceiling", "3"], "ceiling_db must be 0 dBTP or less"),
        (["--model", "nobody"], "model nobody"),
        (["--preset", "none.json"], "none.json"),
        (["-o", "out.m4a"], r"choose one of .wav"),
        (["--reference", "none.wav"], "none.wav: cannot be read as sound (no such file)"),
    ],
)
def test_a_wrong_word_is_answered_in_one_line(ai_mixer, song, monkeypatch, words, message):
    monkeypatch.chdir(song.parent)
    done = ai_mixer("mix", song.name, *words)
    assert done.code == 1
    complaints = [line for line in done.err.splitlines() if not line.startswith("mixing (")]
    assert len(complaints) == 1
    assert complaints[0].startswith("error: ")
    assert message in complaints[0]
    assert names(song.parent) == {song.name}


def test_a_result_is_whole_or_not_there(ai_mixer, song, monkeypatch):
    """A disk that fills up while the mix is written."""
    import errno

    from ai_mixer.mixing import render

    def full(path, blocks, *more, **options):
        next(iter(blocks))
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(render, "write_sound", full)
    done = ai_mixer("mix", song)
    assert done.code == 1
    assert "Mein Lied_mixed.wav: no space left on the disk" in done.err
    assert names(song.parent) == {song.name}


def test_a_folder_that_cannot_be_written_to(ai_mixer, song, monkeypatch):
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)
    done = ai_mixer("mix", song)
    assert done.code == 1
    assert "the folder cannot be written to" in done.err


def test_knobs_is_a_page_beside_the_song(ai_mixer, song, tmp_path):
    done = ai_mixer("knobs", song)
    assert done.code == 0, done.err
    assert "Mein Lied_knobs.html: open it in a browser" in done.out
    again = ai_mixer("knobs", song)
    assert again.code == 1
    assert "--force overwrites" in again.err
    (tmp_path / "pages").mkdir()
    assert ai_mixer("knobs", song, "-o", tmp_path / "pages").code == 0
    assert names(tmp_path / "pages") == {"Mein Lied_knobs.html"}


@pytest.mark.slow
def test_knobs_without_a_song_has_the_band_play(ai_mixer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = ai_mixer("knobs")
    assert done.code == 0, done.err
    assert "a song by the embedded band" in (tmp_path / "knobs.html").read_text()
    assert ai_mixer("knobs").code == 1
