"""The level of a mix without a target: as loud as the song, however quiet or hot the song is."""

import math

import pytest
import soundfile
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.mixing.enhance import enhance
from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.preset import load_preset, single_section_preset
from helpers.measures import residual_db
from helpers.parameters import first_fast

RATE = 44_100
UNCHANGED = single_section_preset({})
LESS_BASS = single_section_preset({"low_eq": -6.0, "output_level": 0.5})


def write(path, audio):
    soundfile.write(path, audio.T.numpy(), RATE, subtype="FLOAT")
    return path


def samples(path):
    return torch.cat(list(AudioFile(path).blocks()), -1)


def measured(path):
    return measure(AudioFile(path).blocks(), RATE)


@pytest.mark.parametrize("level_db", first_fast([-45, -60, -90]))
def test_quiet_songs_keep_their_level(music, tmp_path, level_db):
    song = write(tmp_path / "quiet.wav", 10 ** (level_db / 20) * music)
    before = measured(song)
    assert before.loudness_lufs < -60
    assert not before.silent
    result = AudioMixer().mix_file(song, preset=UNCHANGED)
    assert samples(result.output).equal(samples(song))
    changed = AudioMixer().mix_file(song, preset=LESS_BASS, force=True)
    assert changed.after.mean_lufs == pytest.approx(before.mean_lufs, abs=0.01)
    assert result.notes == changed.notes == []


def test_loudness_of_a_quiet_song_is_shown(music, tmp_path):
    loud, quiet = (measure([10 ** (db / 20) * music], RATE) for db in (0, -70))
    assert loud.loudness_lufs - quiet.loudness_lufs == pytest.approx(70, abs=1.0)
    assert quiet.loudness_lufs < -80


def test_a_target_is_reached_from_any_level(music, tmp_path):
    song = write(tmp_path / "quiet.wav", 1e-4 * music)
    result = AudioMixer().mix_file(song, preset=single_section_preset({}, target_lufs=-20.0))
    assert result.after.loudness_lufs == pytest.approx(-20, abs=0.1)
    assert "amplified by" in result.notes[0]


def test_digital_silence_is_silent(tmp_path):
    song = write(tmp_path / "silence.wav", torch.zeros(2, RATE))
    result = AudioMixer().mix_file(song, preset=UNCHANGED)
    assert not samples(result.output).any()
    assert result.notes == ["the song is silent"]


def test_a_song_louder_than_0_lufs_keeps_its_loudness(tmp_path):
    """A square wave near full scale: +2 LUFS without a sample above it."""
    time_s = torch.arange(2 * RATE) / RATE
    song = write(tmp_path / "square.wav", 0.7 * torch.sin(12_000 * time_s).sign().repeat(2, 1))
    before = measured(song)
    assert before.loudness_lufs > 0
    result = AudioMixer().mix_file(song, preset=UNCHANGED)
    note = " ".join(result.notes)
    assert result.after.loudness_lufs == pytest.approx(before.loudness_lufs, abs=0.1) or note
    assert "target" not in note


@pytest.mark.parametrize("gain_db", first_fast([18.0, 9.0]))
@pytest.mark.parametrize("extension", first_fast(["mp3", "wav"]))
def test_hot_songs_are_turned_down_and_not_limited(music, tmp_path, gain_db, extension):
    hot = music * 10 ** (gain_db / 20) / true_peak(music[None])
    song = write(tmp_path / "hot.wav", hot)
    result = AudioMixer().mix_file(song, tmp_path / f"out.{extension}", preset=UNCHANGED)
    (note,) = result.notes
    assert f"{gain_db:.1f} dB over full scale" in note
    assert "turned down by" in note
    if extension == "wav":
        mix = samples(result.output)
        gain = (mix * hot).sum() / hot.square().sum()
        assert residual_db(mix, gain * hot) < -50
    assert -2.0 < result.after.true_peak_db <= -1.0


def test_a_hot_song_is_enhanced_with_one_note_on_its_level(music, tmp_path):
    song = write(tmp_path / "hot.wav", music * 8 / true_peak(music[None]))
    notes = enhance(song).notes
    assert "18.1 dB over full scale" in notes[0]
    assert not any("target" in note for note in notes)


def test_notes_name_no_target_that_nobody_set(tmp_path):
    """A mix whose peaks would need more limiting than is allowed is quieter than the song."""
    click = 1e-3 * torch.sin(0.3 * torch.arange(4 * RATE)).repeat(2, 1)
    click[:, RATE // 2 :: RATE] = 0.9
    song = write(tmp_path / "clicks.wav", click)
    preset = single_section_preset({"compressor_ratio": 8.0, "input_gain": 2.5})
    for note in AudioMixer().mix_file(song, preset=preset).notes:
        assert "target" not in note
        assert "than the song" in note


def test_a_preset_with_the_level_of_a_quiet_song_is_loaded(music, tmp_path):
    song = write(tmp_path / "song.wav", 0.3 * music)
    first = AudioMixer().mix_file(song, preset=single_section_preset({}, target_lufs=-80.0))
    assert first.after.mean_lufs == pytest.approx(-80, abs=0.05)
    loaded = load_preset(first.output.with_suffix(".json"))
    assert loaded.target_lufs == -80.0
    again = AudioMixer().mix_file(song, tmp_path / "again.wav", preset=loaded)
    assert samples(again.output).equal(samples(first.output))


def test_a_target_out_of_range_is_refused_before_any_work(music, tmp_path):
    song = write(tmp_path / "song.wav", music)
    for target_lufs in (-61.0, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"-60 to 0|number"):
            AudioMixer().mix_file(song, target_lufs=target_lufs)
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_enhance_keeps_the_loudness_of_a_song_without_headroom(music, tmp_path):
    song = write(tmp_path / "full.wav", music * 0.999 / music.abs().max())
    result = enhance(song)
    assert result.after.loudness_lufs == pytest.approx(result.before.loudness_lufs, abs=0.1)
    assert result.after.true_peak_db <= -1.0
    assert any("no headroom" in note for note in result.notes)
    assert result.preset.expand_db == 0
