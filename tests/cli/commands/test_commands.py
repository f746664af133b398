"""The commands of `ai-mixer`, all options of `mix`, and error messages."""

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
from ai_mixer.core.version import __version__
from ai_mixer.inference import pretrained
from ai_mixer.mixing import preset as presets
from helpers.measures import residual_db
from helpers.parameters import first_fast
from helpers.signals import noise

RATE = 44_100


def settings(path):
    return json.loads(path.read_text())["settings"]


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_help_imports_no_heavy_packages():
    code = (
        "import sys; sys.argv = ['ai-mixer', 'mix', '--help']\n"
        "from ai_mixer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n"
        "    print([m for m in ('torch', 'numpy', 'hydra', 'numba') if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip().endswith("[]")
    assert "--adaptive" in process.stdout


@pytest.mark.slow
def test_mixing_imports_no_training_packages(song, packaged_models):
    code = (
        "import sys; from pathlib import Path; from ai_mixer.inference import pretrained\n"
        f"pretrained.MODELS_DIR = Path({str(packaged_models)!r})\n"
        f"sys.argv = ['ai-mixer', 'mix', {str(song)!r}]\n"
        "from ai_mixer.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n"
        "    print([m for m in ('mlflow', 'pytorch_lightning', 'pandas', 'sklearn', 'librosa',\n"
        "        'matplotlib', 'auraloss', 'optuna', 'scipy.fft') if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip().endswith("[]"), process.stdout
    assert (song.parent / "Mein Lied_mixed.wav").exists()


def test_mix_writes_next_to_the_song_and_overwrites_only_with_force(ai_mixer, song):
    done = ai_mixer("mix", song)
    assert done.code == 0, done.err
    assert "LUFS" in done.out
    assert names(song.parent) >= {f"Mein Lied_mixed.{e}" for e in ("wav", "json", "html")}
    second = ai_mixer("mix", song)
    assert second.code == 1
    assert second.err.count("\n") <= 2
    assert "--force" in second.err
    assert ai_mixer("mix", song, "--force").code == 0


@pytest.mark.slow
def test_mix_with_every_option(ai_mixer, song, tmp_path):
    out = tmp_path / "out.flac"
    options = ["--model", "AST Regressor", "--amount", "0.5", "--amount", "eq=1", "--only"]
    options += ["eq,width,compressor", "--set", "low_eq=+1.5", "--style", "vocal"]
    options += ["--target", "-16", "--ceiling", "-2", "--save-preset", tmp_path / "mine.json"]
    reference = tmp_path / "reference.wav"
    soundfile.write(reference, 0.1 * noise(2, seconds=4).T.numpy(), RATE)
    done = ai_mixer("mix", song, "-o", out, "--reference", reference, *options)
    assert done.code == 0, done.err
    preset = json.loads(out.with_suffix(".json").read_text())
    assert preset["model"] == "ast_regressor"
    assert preset["settings"]["low_eq"] == 1.5
    assert preset["settings"]["presence"] == 1.0  # not among `--only`
    assert (preset["target"], preset["ceiling_db"]) == (-16.0, -2.0)
    assert preset["measured"]["after"]["loudness_lufs"] == pytest.approx(-16, abs=0.1)
    assert settings(tmp_path / "mine.json") == preset["settings"]
    second = ai_mixer("mix", song, "-o", tmp_path / "b.flac", "--preset", tmp_path / "mine.json")
    assert second.code == 0, second.err
    assert (tmp_path / "b.flac").read_bytes() == out.read_bytes()


@pytest.mark.parametrize("style", first_fast(["vocal", "natural", "loud", "creative"]))
def test_each_style_changes_its_settings(ai_mixer, song, tmp_path, style):
    for name, options in (("plain", []), (style, ["--style", style])):
        assert ai_mixer("mix", song, "-o", tmp_path / f"{name}.wav", *options).code == 0
    plain, styled = (settings(tmp_path / f"{name}.json") for name in ("plain", style))
    preset = json.loads((tmp_path / f"{style}.json").read_text())
    if style == "natural":
        assert abs(styled["low_eq"]) <= min(2, abs(plain["low_eq"]))
    if style == "vocal":
        assert styled["presence"] > plain["presence"] or styled["presence"] == 1.1
    if style == "loud":
        assert styled["compressor_ratio"] >= 2
        assert preset["target"] == -12
    if style == "creative":
        assert styled["reverb"] >= 0.12


def test_damaged_file_does_not_stop_the_others(ai_mixer, song, tmp_path):
    shutil.copy(song, tmp_path / "two 大.wav")
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    songs = [song, tmp_path / "bad.wav", tmp_path / "two 大.wav"]
    done = ai_mixer("mix", *songs, "-o", tmp_path / "results")
    assert done.code == 1
    assert "2 of 3 songs done" in done.out
    assert "bad.wav" in done.err
    assert "Traceback" not in done.err
    assert names(tmp_path / "results") >= {"Mein Lied_mixed.wav", "two 大_mixed.wav"}


def test_compare(ai_mixer, song, tmp_path):
    done = ai_mixer("compare", song, "-o", tmp_path / "all", "--model", "ast_regressor")
    assert done.code == 0, done.err
    assert "mixing_comparison.png" in done.out
    assert names(tmp_path / "all") >= {"Mein Lied_original.wav", "settings.csv"}


def test_enhance_raises_the_crest_by_0_2_to_0_5_db(ai_mixer, song, tmp_path, music):
    soft = tmp_path / "soft.wav"
    soundfile.write(soft, 0.4 * music.T.numpy(), RATE, subtype="FLOAT")
    done = ai_mixer("enhance", soft)
    assert done.code == 0, done.err
    preset = json.loads((tmp_path / "soft_enhanced.json").read_text())
    without_expansion = tmp_path / "preset.json"
    without_expansion.write_text(json.dumps({**preset, "expand_db": 0.0}))
    flat = ai_mixer("mix", soft, "-o", tmp_path / "flat.wav", "--preset", without_expansion)
    assert flat.code == 0, flat.err
    before = json.loads((tmp_path / "flat.json").read_text())["measured"]["after"]
    after = preset["measured"]["after"]
    assert 0.2 <= after["crest_db"] - before["crest_db"] <= 0.5
    assert after["loudness_lufs"] == pytest.approx(
        preset["measured"]["before"]["loudness_lufs"], abs=0.1
    )
    for knob in load_console(ranges="gentle").knobs:
        assert knob.low <= preset["settings"][knob.name] <= knob.high


@pytest.mark.slow
def test_match_estimates_the_true_settings(ai_mixer, tmp_path, music):
    rough = 0.5 * music.repeat(1, 2)
    console = load_console()
    true_settings = {"low_eq": 3.0, "high_eq": -2.0, "stereo_width": 1.3, "output_level": 0.8}
    finished = console(rough[None], RATE, console.knobs_from(true_settings), limit=False)[0]
    for name, audio in (("rough", rough), ("finished", finished)):
        soundfile.write(tmp_path / f"{name}.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    done = ai_mixer("match", tmp_path / "rough.wav", tmp_path / "finished.wav")
    assert done.code == 0, done.err
    estimated = settings(tmp_path / "rough_matched.json")
    assert estimated["low_eq"] == pytest.approx(3.0, abs=0.3)
    assert estimated["high_eq"] == pytest.approx(-2.0, abs=0.3)
    assert estimated["stereo_width"] == pytest.approx(1.3, abs=0.05)
    mix = torch.cat(list(AudioFile(tmp_path / "rough_matched.wav").blocks()), -1)
    assert residual_db(mix, finished) < -25


@pytest.mark.slow
def test_match_uses_another_song_as_a_reference(ai_mixer, song, tmp_path):
    soundfile.write(tmp_path / "other.wav", noise(4 * RATE, 2).numpy(), RATE)
    done = ai_mixer("match", song, tmp_path / "other.wav")
    assert done.code == 0, done.err
    assert "used as a reference" in done.out


def test_analyse(ai_mixer, song):
    done = ai_mixer("analyse", song)
    assert done.code == 0, done.err
    assert "0:03, WAV, 44100 Hz, stereo" in done.out
    measured = json.loads(ai_mixer("analyse", song, "--json").out)
    assert measured["tags"]["title"] == "Größe"
    assert ai_mixer("analyse", song.parent / "none.wav").code == 1


def test_analyse_names_faults_with_figures(ai_mixer, tmp_path, music):
    dead, clipped = music.clone(), 3.0 * music
    dead[1] = 0
    clipped[1] = music[1]
    for name, audio in (("dead", dead), ("clipped", clipped.clamp(-0.9, 0.9)), ("fine", music)):
        soundfile.write(tmp_path / f"{name}.wav", audio.T.numpy(), RATE)
    assert "the right channel is dead: -120.0 dB" in ai_mixer("analyse", tmp_path / "dead.wav").out
    out = ai_mixer("analyse", tmp_path / "clipped.wav").out
    assert "the left channel is clipped in" in out
    assert "the right channel is clipped" not in out
    assert "channel" not in ai_mixer("analyse", tmp_path / "fine.wav").out
    measured = json.loads(ai_mixer("analyse", tmp_path / "clipped.wav", "--json").out)
    assert measured["signal"]["clipped_places"][0] > 10
    assert measured["signal"]["clipped_places"][1] == 0
    assert any("clipped" in remark for remark in measured["remarks"])


def test_analyse_says_how_to_mend_a_fault(ai_mixer, tmp_path, music):
    inverted, preset = music.clone(), tmp_path / "mend.json"
    inverted[1] *= -1
    for name, audio in (("offset", 0.5 * music + 0.2), ("inverted", inverted)):
        soundfile.write(tmp_path / f"{name}.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    song = tmp_path / "offset.wav"
    (fault,) = [
        one
        for one in json.loads(ai_mixer("analyse", song, "--json").out)["faults"]
        if one["name"] == "DC offset"
    ]
    assert fault["figure"] == pytest.approx(20.0, abs=0.3)
    assert fault["unit"] == "%"
    assert f"ai-mixer analyse {song} --save-preset" in fault["mend"]
    assert ai_mixer("analyse", song, "--save-preset", preset).code == 0
    done = ai_mixer("mix", song, "--preset", preset, "-o", tmp_path / "mended.wav")
    assert done.code == 0, done.err
    mended, _ = soundfile.read(tmp_path / "mended.wav")
    assert abs(mended[RATE:].mean()) < 0.005
    soundfile.write(song, (music + 0.03).T.numpy(), RATE, subtype="FLOAT")  # only a remark
    small = json.loads(ai_mixer("analyse", song, "--json").out)
    assert "DC offset" not in [one["name"] for one in small["faults"]]
    assert any("has a DC offset of +0.0" in remark for remark in small["remarks"])
    out = ai_mixer("analyse", tmp_path / "inverted.wav").out
    assert "mend: invert the polarity of one channel" in out
    done = ai_mixer("analyse", tmp_path / "inverted.wav", "--save-preset", preset)
    assert done.code == 1
    assert "exists" in done.err


def test_analyse_finds_swapped_channels_with_another_version(ai_mixer, tmp_path, music):
    left = torch.stack([music[0], 0.3 * music[1]])
    for name, audio in (("right", left), ("swapped", left.flip(0))):
        soundfile.write(tmp_path / f"{name}.wav", audio.T.numpy(), RATE)
    swapped, version = tmp_path / "swapped.wav", tmp_path / "right.wav"
    assert "swapped channels" in ai_mixer("analyse", swapped, "--version", version).out
    assert "swapped channels" not in ai_mixer("analyse", version, "--version", version).out


def test_analyse_previews_streaming_services(ai_mixer, song):
    services = json.loads(ai_mixer("analyse", song, "--json").out)["services"]
    assert services["YouTube"]["gain_db"] <= 0
    assert "YouTube" in ai_mixer("analyse", song).out


def test_analyse_measures_a_song_below_the_gate_and_mono_as_its_twin(ai_mixer, tmp_path, music):
    mono = music.mean(0, keepdim=True)
    for name, audio in (("quiet", 1e-4 * music), ("mono", mono), ("twin", mono.expand(2, -1))):
        soundfile.write(tmp_path / f"{name}.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    quiet, mono, twin = (
        json.loads(ai_mixer("analyse", tmp_path / f"{name}.wav", "--json").out)
        for name in ("quiet", "mono", "twin")
    )
    assert -110 < quiet["loudness_lufs"] < -80
    assert not any("silent" in remark for remark in quiet["remarks"])
    assert mono["loudness_lufs"] == twin["loudness_lufs"]
    assert mono["range_lu"] == twin["range_lu"]


def test_models(ai_mixer, monkeypatch, tmp_path):
    assert ai_mixer("models").out.splitlines()[:2] == [
        "baseline_cnn           Baseline CNN  (default)",
        "  Tiny, for tests.",
    ]
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path)
    assert "--model" in ai_mixer("models").out


def test_models_are_pushed_and_pulled(ai_mixer, song, tmp_path):
    pushed, pulled = tmp_path / "pushed", tmp_path / "pulled"
    assert ai_mixer("models", "push", "AST Regressor", pushed).out == f"{pushed}\n"
    assert (pushed / "README.md").is_file()
    assert ai_mixer("models", "pull", pushed, pulled).out == f"{pulled}\n"
    assert ai_mixer("mix", song, "--model", pulled).code == 0
    done = ai_mixer("models", "push", "ast_regressor", pushed)
    assert done.code == 1
    assert "--force" in done.err
    assert ai_mixer("models", "push", "ast_regressor", pushed, "--force").code == 0


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--amount", "2"], ["amount=2", "0", "1"]),
        (["--amount", "drums=1"], ["'drums'", "eq"]),
        (["--amount", "much"], ["--amount", "'much'"]),
        (["--set", "drums=1"], ["'drums'", "input_gain"]),
        (["--set", "low_eq"], ["--set low_eq", "name=value"]),
        (["--set", "low_eq=40"], ["low_eq", "40 dB", "-6", "6"]),
        (["--style", "metal"], ["'metal'", "natural"]),
        (["--target", "loud"], ["--target loud", "none, streaming"]),
        (["--target", "5"], ["-60", "0"]),
        (["--ceiling", "3"], ["--ceiling=3", "0 dBTP"]),
        (["--model", "nobody"], ["model nobody"]),
        (["--preset", "none.json"], ["none.json"]),
        (["-o", "out.wma"], [".wav"]),
        (["--reference", "none.wav"], ["none.wav"]),
    ],
)
def test_invalid_option_is_reported_in_one_line(ai_mixer, song, monkeypatch, options, parts):
    monkeypatch.chdir(song.parent)
    done = ai_mixer("mix", song.name, *options)
    assert done.code == 1
    (line,) = [line for line in done.err.splitlines() if not line.startswith("mixing (")]
    assert line.startswith("error: ")
    assert all(part in line for part in parts), line
    assert names(song.parent) == {song.name}


def test_no_partial_file_on_a_full_disk(ai_mixer, song, monkeypatch):
    import errno

    from ai_mixer.mixing import render

    def fill_disk(path, blocks, *_, **__):
        next(iter(blocks))
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(render, "write_audio", fill_disk)
    done = ai_mixer("mix", song)
    assert done.code == 1
    assert "Mein Lied_mixed.wav: no space left on the disk" in done.err
    assert names(song.parent) == {song.name}


def test_read_only_folder_is_an_error(ai_mixer, song, monkeypatch):
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)
    done = ai_mixer("mix", song)
    assert done.code == 1
    assert "folder" in done.err


def test_knobs_writes_a_page_next_to_the_song(ai_mixer, song, tmp_path):
    done = ai_mixer("knobs", song)
    assert done.code == 0, done.err
    assert "Mein Lied_knobs.html: open it in a browser" in done.out
    second = ai_mixer("knobs", song)
    assert second.code == 1
    assert "--force" in second.err
    (tmp_path / "pages").mkdir()
    assert ai_mixer("knobs", song, "-o", tmp_path / "pages").code == 0
    assert names(tmp_path / "pages") == {"Mein Lied_knobs.html"}


@pytest.mark.slow
def test_knobs_without_a_song_uses_the_demo_song(ai_mixer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = ai_mixer("knobs")
    assert done.code == 0, done.err
    assert "a song by the embedded band" in (tmp_path / "knobs.html").read_text()
    assert ai_mixer("knobs").code == 1


def test_the_version_is_printed(ai_mixer):
    done = ai_mixer("--version")
    assert (done.code, done.out.strip()) == (0, f"ai-mixer {__version__}")


@pytest.mark.slow
def test_a_second_mix_of_all_files_skips_the_results(ai_mixer, song):
    other = song.with_name("other.wav")
    other.write_bytes(song.read_bytes())
    assert ai_mixer("enhance", song, other).code == 0
    results = [path.with_name(f"{path.stem}_enhanced.wav") for path in (song, other)]
    files = sorted([song, other, *results])
    done = ai_mixer("enhance", *files, "--force")
    assert done.code == 0, done.err
    assert "2 of 2 songs done" in done.out
    assert not [name for name in names(song.parent) if "enhanced_enhanced" in name]
    assert ai_mixer("enhance", results[0]).code == 0  # asked for by its name


def test_a_preset_takes_amounts_settings_target_and_ceiling(ai_mixer, song, tmp_path):
    preset = tmp_path / "p.json"
    saved = {"low_eq": 2.0, "high_eq": 1.0}
    presets.save_preset(presets.single_section_preset(saved, target_lufs=-20.0), preset)
    options = ["--amount", "0.5", "--set", "treble=-1dB", "--target", "-22", "--ceiling", "-3"]
    done = ai_mixer("mix", song, "-o", tmp_path / "m.wav", "--preset", preset, *options)
    assert done.code == 0, done.err
    result = json.loads((tmp_path / "m.json").read_text())
    assert (result["settings"]["low_eq"], result["settings"]["high_eq"]) == (1.0, -1.0)
    assert (result["target"], result["ceiling_db"]) == (-22.0, -3.0)


def test_loud_is_never_quieter(ai_mixer, tmp_path):
    loud = tmp_path / "loud.wav"
    soundfile.write(loud, noise(2, seconds=3.0, level=0.13).clamp(-0.4, 0.4).T.numpy(), RATE)
    done = ai_mixer("mix", loud, "--style", "loud")
    assert done.code == 0, done.err
    measured = json.loads((tmp_path / "loud_mixed.json").read_text())["measured"]
    levels = [measured[when]["loudness_lufs"] for when in ("before", "after")]
    assert levels[0] > -12
    assert levels[1] >= levels[0] - 0.1
