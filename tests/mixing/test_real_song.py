"""A real song of four minutes goes through all six commands, as a musician types them."""

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
    """`My Song.wav`, of many recordings one after the other, and `master.wav`: another hand's."""
    files = finished_songs(70)
    folder = tmp_path_factory.mktemp("songs")
    song = joined(files)
    with soundfile.SoundFile(folder / "My Song.wav", "w", RATE, 2, "PCM_16") as file:
        for name, text in TAGS.items():
            setattr(file, name, text)
        file.write(song)
    louder = np.tanh(1.5 * song)
    soundfile.write(folder / "master.wav", 0.9 * louder / np.abs(louder).max(), RATE, "PCM_16")
    return folder


def joined(files):
    """[T, 2]: the beginnings of recordings of one rate, until the song is long enough."""
    length, parts = MINUTES * 60 * RATE + 123, []
    for file in files:
        audio, rate = soundfile.read(file, dtype="float32", always_2d=True)
        if rate == RATE and audio.shape[1] == 2 and sum(map(len, parts)) < length:
            parts.append(audio)
    return np.concatenate(parts)[:length]


def ai_mixer(folder, *words):
    """What was said. Fails with what was complained."""
    command = [sys.executable, "-m", "ai_mixer.cli", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_sound(path, song, tags=TAGS):
    """As the song is, under the ceiling, and changed."""
    mix, before = AudioFile(path), AudioFile(song)
    facts = "sample_rate", "channels", "frames"
    assert [getattr(mix, fact) for fact in facts] == [getattr(before, fact) for fact in facts]
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


def check_pages(path):
    """Settings that can be read, a report without anything from elsewhere."""
    page = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert page["song"] == "My Song.wav"
    assert page["measured"]["after"]["true_peak_dbtp"] <= -1.0
    report = path.with_suffix(".html").read_text(encoding="utf-8")
    assert path.name in report
    assert report.count("<svg") == 2
    assert "http" not in report.replace("http://www.w3.org/2000/svg", "")
    return page


@pytest.mark.parametrize("output", ["My Song_mixed.wav", "flac.flac", "mp3.mp3", "ogg.ogg"])
def test_mix(folder, output):
    words = [] if output == "My Song_mixed.wav" else ["-o", output]
    said = ai_mixer(folder, "mix", "My Song.wav", *words)
    assert f"My Song.wav → {output}" in said
    check_sound(folder / output, folder / "My Song.wav")
    page = check_pages(folder / output)
    assert page["model"] == pretrained.default_model()
    before, after = (page["measured"][side]["loudness_lufs"] for side in ("before", "after"))
    assert after == pytest.approx(before, abs=0.2)


def test_the_same_preset_gives_the_same_samples(folder):
    ai_mixer(folder, "mix", "My Song.wav", "-o", "first.wav", "--adaptive", "--target", "-16")
    ai_mixer(folder, "mix", "My Song.wav", "-o", "again.wav", "--preset", "first.json")
    assert (folder / "first.wav").read_bytes() == (folder / "again.wav").read_bytes()
    assert len(check_pages(folder / "first.wav")["sections"]) > 1


def test_compare(folder):
    said = ai_mixer(folder, "compare", "My Song.wav")
    results = folder / "My Song_compared"
    names = {path.name for path in results.iterdir()}
    models = [pretrained.normalise_name(name) for name in pretrained.list_models()]
    assert names >= {"My Song_original.wav", "mixing_comparison.png", "settings.csv"}
    for model in models:
        check_sound(results / f"My Song_{model}_mixed.wav", folder / "My Song.wav")
        check_pages(results / f"My Song_{model}_mixed.wav")
    assert all(name in said for name in names)
    with (results / "settings.csv").open(encoding="utf-8") as table:
        assert [row["model"] for row in csv.DictReader(table)] == pretrained.list_models()
    assert (results / "mixing_comparison.png").read_bytes()[1:4] == b"PNG"


def test_enhance(folder):
    ai_mixer(folder, "enhance", "My Song.wav")
    check_sound(folder / "My Song_enhanced.wav", folder / "My Song.wav")
    assert check_pages(folder / "My Song_enhanced.wav")["expand_db"] > 0


def test_match(folder):
    said = ai_mixer(folder, "match", "My Song.wav", "master.wav")
    assert "dB are left between the mix and master.wav" in said
    check_sound(folder / "My Song_matched.wav", folder / "My Song.wav")
    wanted = json.loads(ai_mixer(folder, "analyse", "master.wav", "--json"))
    page = check_pages(folder / "My Song_matched.wav")
    after = page["measured"]["after"]["loudness_lufs"]
    assert after == pytest.approx(wanted["loudness_lufs"], abs=0.2)


def test_analyse(folder):
    said = ai_mixer(folder, "analyse", "My Song.wav")
    assert "4:00, WAV, 44100 Hz, stereo" in said
    found = json.loads(ai_mixer(folder, "analyse", "My Song.wav", "--json"))
    assert found["tags"] == TAGS
    assert len(found["sections_s"]) > 1


def test_models(folder):
    said = ai_mixer(folder, "models")
    assert f"{pretrained.default_model():22}" in said
    assert "(champion)" in said.splitlines()[0]
