"""Loud, clipped songs: the limiter keeps to its budget, and a note says what was not kept."""

import pytest
import soundfile
import torch
from torch.nn.functional import avg_pool1d

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.mixing.enhance import enhance
from ai_mixer.mixing.match import match
from ai_mixer.mixing.measurements import measure
from helpers.music import finished_songs
from helpers.parameters import first_fast
from helpers.signals import noise

RATE = 44_100


def clipped(audio, lufs=-7.5):
    """The song at this loudness, clipped at full scale."""
    gain = 1.0
    for _ in range(20):
        louder = (gain * audio).clamp(-1.0, 1.0)
        gain *= 10 ** ((lufs - float(loudness_lufs(louder[None], RATE))) / 20)
    return louder


def pulsing_noise():
    """Low-passed noise with four pulses a second: clipped, its peaks are at +1.3 dBTP."""
    time_s = torch.arange(2 * RATE) / RATE
    pulse = noise(2, seconds=2.0, level=0.1) * (0.1 + torch.exp(-8.0 * (time_s % 0.25)))
    return avg_pool1d(pulse[None], 5, 1, 2)[0]


def master(song, output, **options):
    return AudioMixer().master(song, output, **options)


def mix(song, output, **options):
    return AudioMixer().mix_file(song, output, **options)


def matched(song, output, **options):
    return match(AudioMixer(), song, song, output, **options)


def check(song, folder, command):
    """Loudness and limiter of a command without options."""
    default = command(song, folder / "a.wav")
    assert default.after.true_peak_db <= -1.0
    if default.before.true_peak_db > -1.0:
        assert default.reduction_db <= 3.05, default.notes
    quieter = default.before.loudness_lufs - default.after.loudness_lufs
    found = [note for note in default.notes if "quieter than" in note or "turned down" in note]
    assert quieter > 0.08 if found else quieter <= 0.12, (quieter, default.notes)
    if found and "turned down" not in found[0]:
        assert "at most 3 dB" in found[0]
        assert "--limiter" in found[0]
    return default


def check_asked(song, folder, command, default):
    """The limiter reduces as much as is asked for."""
    less = command(song, folder / "c.wav", max_reduction_db=1.0)
    assert less.reduction_db <= 1.05
    if default.reduction_db > 2.9:
        more = command(song, folder / "b.wav", max_reduction_db=12.0)
        assert more.after.loudness_lufs >= default.after.loudness_lufs
        assert more.reduction_db > default.reduction_db


COMMANDS = [master, mix, enhance, matched]


@pytest.mark.parametrize("command", first_fast(COMMANDS), ids=["master", "mix", "enhance", "match"])
def test_a_clipped_song_is_limited_by_3_db_at_most_unless_asked(packaged_models, tmp_path, command):
    song = tmp_path / "loud.wav"
    soundfile.write(song, clipped(pulsing_noise()).T.numpy(), RATE, subtype="PCM_16")
    before = measure(AudioFile(song).blocks(), RATE)
    assert before.true_peak_db > 0.3
    assert check(song, tmp_path, command).reduction_db > 1.0


@pytest.mark.slow
@pytest.mark.music
@pytest.mark.parametrize("command", COMMANDS, ids=["master", "mix", "enhance", "match"])
def test_clipped_music(packaged_models, tmp_path, command):
    """Twelve songs at −7.5 LUFS, clipped: peaks between 0.3 and 3 dBTP."""
    for number, file in enumerate(finished_songs(12)):
        audio, rate = soundfile.read(file)
        if rate != RATE or len(audio) < 30 * RATE or audio.ndim < 2:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        loud = clipped(torch.from_numpy(audio[10 * RATE : 18 * RATE].T).float())
        soundfile.write(folder / "loud.wav", loud.T.numpy(), RATE, subtype="PCM_16")
        default = check(folder / "loud.wav", folder, command)
        check_asked(folder / "loud.wav", folder, command, default)


def test_a_song_with_headroom_keeps_its_loudness(tmp_path):
    """Peaks under the ceiling: what its changes raise is limited, so that it is not quieter."""
    audio = noise(2, seconds=4.0, level=0.05)
    audio[:, :: RATE // 4] += 0.75
    song = tmp_path / "peaky.wav"
    soundfile.write(song, audio.T.numpy(), RATE, subtype="FLOAT")
    assert measure(AudioFile(song).blocks(), RATE).true_peak_db < -1.0
    for command in (master, enhance):
        result = command(song, tmp_path / f"{command.__name__}.wav")
        assert result.after.loudness_lufs >= result.before.loudness_lufs - 0.1


@pytest.mark.slow
def test_a_reference_that_makes_a_song_quieter_has_a_note(tmp_path):
    song, reference = tmp_path / "song.wav", tmp_path / "quiet.wav"
    for path, level in ((song, 0.2), (reference, 0.05)):
        soundfile.write(path, noise(2, seconds=3.0, level=level).T.numpy(), RATE)
    result = AudioMixer().master(song, tmp_path / "m.wav", reference=reference)
    (note,) = [note for note in result.notes if "quieter than it came" in note]
    assert "the loudness of quiet.wav" in note
    assert "--target none" in note
    kept = AudioMixer().master(song, tmp_path / "k.wav", reference=reference, target_lufs="none")
    assert abs(kept.after.loudness_lufs - kept.before.loudness_lufs) <= 0.1
    assert not any("quieter" in note for note in kept.notes)
