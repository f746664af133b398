"""All commands of `ai-mixer` on four minutes of real music."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ai_mixer.audio import AudioFile
from ai_mixer.dsp.true_peak import TruePeakMeter
from ai_mixer.inference import pretrained
from helpers.music import finished_songs

RATE, MINUTES = 44_100, 4
TAGS = {"title": "Größe", "artist": "Wir", "album": "Alle", "tracknumber": "3", "date": "2026"}
pytestmark = [pytest.mark.slow, pytest.mark.music]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`My Song.wav`, a sequence of recordings, and `master.wav`, a version with saturation.

    Their peaks are under the ceiling, so that their loudness can be kept.
    """
    files = finished_songs(70)
    folder = tmp_path_factory.mktemp("songs")
    song = 0.5 * joined(files)
    with soundfile.SoundFile(folder / "My Song.wav", "w", RATE, 2, "PCM_16") as file:
        for name, text in TAGS.items():
            setattr(file, name, text)
        file.write(song)
    louder = np.tanh(3.0 * song)
    soundfile.write(folder / "master.wav", 0.6 * louder / np.abs(louder).max(), RATE, "PCM_16")
    return folder


def joined(files):
    """[T, 2]: recordings of one sample rate in sequence, until the song is long enough."""
    length, parts = MINUTES * 60 * RATE + 123, []
    for file in files:
        audio, rate = soundfile.read(file, dtype="float32", always_2d=True)
        if rate == RATE and audio.shape[1] == 2 and sum(map(len, parts)) < length:
            parts.append(audio)
    return np.concatenate(parts)[:length]


def ai_mixer(folder, *arguments):
    """Run a command and return its output."""
    command = [sys.executable, "-m", "ai_mixer.cli", *arguments]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


def check_audio(path, song, tags=TAGS):
    """The file has the format, length and tags of the song, and peaks below the ceiling."""
    mix, before = AudioFile(path), AudioFile(song)
    fields = "sample_rate", "channels", "frames"
    assert [getattr(mix, field) for field in fields] == [getattr(before, field) for field in fields]
    assert before.tags == TAGS
    assert mix.tags == tags
    peak = TruePeakMeter()
    count = 0
    for block in mix.blocks():
        peak.push(block[None])
        count += block.shape[-1]
    assert count == before.frames
    assert 20 * np.log10(float(peak.read())) <= -1.0
    assert path.read_bytes() != Path(song).read_bytes()


def check_sidecars(path):
    """Check settings and report; return the settings."""
    settings = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert settings["song"] == "My Song.wav"
    assert settings["measured"]["after"]["true_peak_dbtp"] <= -1.0
    report = path.with_suffix(".html").read_text(encoding="utf-8")
    assert path.name in report
    assert report.count("<svg") == 2
    assert "http" not in report.replace("http://www.w3.org/2000/svg", "")
    return settings


@pytest.mark.parametrize("output", ["My Song_mixed.wav", "flac.flac", "mp3.mp3", "ogg.ogg"])
def test_mix(folder, output):
    arguments = [] if output == "My Song_mixed.wav" else ["-o", output]
    # The default without a reference leaves such a song alone.
    model = pretrained.default_model()
    printed = ai_mixer(folder, "mix", "My Song.wav", "--model", model, *arguments)
    assert f"My Song.wav → {output}" in printed
    check_audio(folder / output, folder / "My Song.wav")
    settings = check_sidecars(folder / output)
    assert settings["model"] == model
    before, after = (settings["measured"][when]["loudness_lufs"] for when in ("before", "after"))
    assert after == pytest.approx(before, abs=0.2)


def test_equal_presets_give_equal_samples(folder):
    ai_mixer(folder, "mix", "My Song.wav", "-o", "first.wav", "--adaptive", "--target", "-16")
    ai_mixer(folder, "mix", "My Song.wav", "-o", "second.wav", "--preset", "first.json")
    assert (folder / "first.wav").read_bytes() == (folder / "second.wav").read_bytes()
    assert len(check_sidecars(folder / "first.wav")["sections"]) > 1


def test_compare(folder):
    printed = ai_mixer(folder, "compare", "My Song.wav")
    results = folder / "My Song_compared"
    names = {path.name for path in results.iterdir()}
    models = [pretrained.normalise_name(name) for name in pretrained.list_models()]
    assert names >= {"My Song_original.wav", "mixing_comparison.png", "settings.csv"}
    for model in models:
        check_audio(results / f"My Song_{model}_mixed.wav", folder / "My Song.wav")
        check_sidecars(results / f"My Song_{model}_mixed.wav")
    assert all(name in printed for name in names)
    with (results / "settings.csv").open(encoding="utf-8") as table:
        assert [row["model"] for row in csv.DictReader(table)] == pretrained.list_models()
    assert (results / "mixing_comparison.png").read_bytes()[1:4] == b"PNG"


def test_enhance(folder):
    ai_mixer(folder, "enhance", "My Song.wav")
    check_audio(folder / "My Song_enhanced.wav", folder / "My Song.wav")
    assert check_sidecars(folder / "My Song_enhanced.wav")["expand_db"] > 0


def test_match(folder):
    printed = ai_mixer(folder, "match", "My Song.wav", "master.wav")
    assert "dB of error between the mix and master.wav" in printed
    check_audio(folder / "My Song_matched.wav", folder / "My Song.wav")
    target = json.loads(ai_mixer(folder, "analyse", "master.wav", "--json"))
    settings = check_sidecars(folder / "My Song_matched.wav")
    after = settings["measured"]["after"]["loudness_lufs"]
    assert after == pytest.approx(target["loudness_lufs"], abs=0.2)


def test_analyse(folder):
    printed = ai_mixer(folder, "analyse", "My Song.wav")
    assert "4:00, WAV, 44100 Hz, stereo" in printed
    measured = json.loads(ai_mixer(folder, "analyse", "My Song.wav", "--json"))
    assert measured["tags"] == TAGS
    assert len(measured["sections_s"]) > 1


def test_models(folder):
    printed = ai_mixer(folder, "models")
    assert f"{pretrained.default_model():22}" in printed
    assert "(default" in printed.splitlines()[0]
