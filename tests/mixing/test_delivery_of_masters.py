"""`master`: intensity, budget of the limiter, delivery set, album."""

from dataclasses import replace

import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.console.frequency_response import response_db
from ai_mixer.mixing.album import album_targets_lufs
from ai_mixer.mixing.delivery_set import delivery_files
from ai_mixer.mixing.master_settings import INTENSITIES, master_settings
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.preset import load_preset
from ai_mixer.mixing.typical_balance import TYPICAL_BANDS_DB
from helpers.parameters import first_fast
from helpers.signals import noise

RATE = 44_100
CONSOLE = named_console("mastering")


def write(path, audio, rate=RATE):
    soundfile.write(path, audio.T.numpy(), rate, subtype="FLOAT")
    return path


def measured(path):
    song = AudioFile(path)
    return measure(song.blocks(), song.sample_rate)


@pytest.fixture
def peaky(tmp_path):
    """Quiet noise with a click each half second."""
    audio = noise(2, seconds=4.0, level=0.03)
    audio[:, :: RATE // 2] += 0.9
    return write(tmp_path / "peaky.wav", audio)


@pytest.mark.slow
def test_the_limiter_keeps_to_its_budget_and_the_note_says_how_to_get_more(peaky, tmp_path):
    small = AudioMixer().master(peaky, tmp_path / "small.wav", target_lufs=-14.0)
    large = AudioMixer().master(
        peaky, tmp_path / "large.wav", target_lufs=-14.0, max_reduction_db=8.0
    )
    assert small.reduction_db <= 3.05
    assert 3.5 < large.reduction_db <= 8.05
    assert large.after.loudness_lufs > small.after.loudness_lufs + 1
    assert any("with 3 dB of limiting, --limiter allows more" in note for note in small.notes)
    assert max(small.delivered.reduction_curve_db) == pytest.approx(small.reduction_db, abs=0.3)
    assert load_preset(tmp_path / "small.json").max_reduction_db == 3.0


@pytest.mark.slow
@pytest.mark.parametrize("intensity", first_fast(INTENSITIES))
def test_a_loud_song_is_not_quieter_than_it_came(tmp_path, intensity):
    loud = noise(2, seconds=4.0, level=0.18).clamp(-0.36, 0.36)
    loud[:, : 2 * RATE] *= 0.7
    song = write(tmp_path / "loud.wav", loud)
    result = AudioMixer().master(song, tmp_path / "m.wav", intensity=intensity)
    assert result.before.true_peak_db < -1.0
    assert result.before.loudness_lufs > -14.0
    assert result.after.loudness_lufs >= result.before.loudness_lufs - 0.15
    assert result.after.true_peak_db <= -1.0
    asked = AudioMixer().master(song, tmp_path / "q.wav", target_lufs=-20.0)
    assert asked.after.loudness_lufs == pytest.approx(-20.0, abs=0.1)


@pytest.mark.slow
def test_intensity_scales_the_change(tmp_path):
    song = AudioFile(write(tmp_path / "song.wav", noise(2, seconds=2.0)))
    typical = {name: middle for name, (_, middle, _) in TYPICAL_BANDS_DB.items()}
    before = replace(measured(song.path), bands_db={**typical, "highs": -45.0})
    frequency_hz = torch.tensor([12_000.0, 700.0], dtype=torch.float64)
    raised_db = []
    for name in ("low", "medium", "high"):
        settings = master_settings(song, before, CONSOLE.console, None, INTENSITIES[name])
        knobs = CONSOLE.console.knobs_from(settings).double()
        treble, middle = response_db(CONSOLE.console, knobs, frequency_hz, RATE)[0, 0].tolist()
        raised_db.append(treble - middle)
    assert 0.5 < raised_db[0] < raised_db[1] - 0.5 < raised_db[2] - 1.0


def test_a_delivery_set_has_four_files_with_their_levels(tmp_path):
    song = write(tmp_path / "song.wav", noise(2, seconds=3.0), 96_000)
    result = AudioMixer().master(song, tmp_path / "m.flac", delivery_set=True)
    expected = delivery_files(tmp_path / "m.flac")
    assert [file.path for file in result.files] == [*expected]
    for file, target in zip(result.files, expected.values(), strict=True):
        after, info = measured(file.path), soundfile.info(file.path)
        assert after.true_peak_db <= -1.0
        assert after.loudness_lufs == pytest.approx(file.loudness_lufs, abs=0.01)
        assert abs(after.loudness_lufs - target) <= 0.15 or "limiting" in file.note
        assert file.reduction_db <= 3.05
        is_wav = file.path.suffix == ".wav"
        assert info.subtype == ("PCM_24" if is_wav else "MPEG_LAYER_III")
        assert info.samplerate == (96_000 if is_wav else 48_000)
    with pytest.raises(OSError, match="exists: --force"):
        AudioMixer().master(song, tmp_path / "m.wav", delivery_set=True)
    assert not (tmp_path / "m.wav").exists()


def test_levels_of_an_album_are_kept_or_evened(tmp_path):
    levels = [0.02, 0.05, 0.2]
    before = [
        measured(write(tmp_path / f"{level}.wav", noise(2, seconds=2.0, level=level)))
        for level in levels
    ]
    loudness = [m.loudness_lufs for m in before]
    kept = album_targets_lufs(before, "keep")
    offset = max(-14.0, *loudness) - max(loudness)
    assert kept == pytest.approx([value + offset for value in loudness], abs=0.02)
    assert album_targets_lufs(before, "keep", -20.0)[2] == pytest.approx(-20.0, abs=0.02)
    assert album_targets_lufs(before, "even") == [-14.0] * 3
    silent = measured(write(tmp_path / "silent.wav", torch.zeros(2, RATE)))
    assert album_targets_lufs([*before, silent], "even", -10.0) == [-10.0] * 3 + [None]
