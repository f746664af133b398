"""`ai-mixer mix --daw` writes presets and projects, and reads a preset of a plug-in."""

import zipfile

import numpy as np
import pytest
import soundfile

from ai_mixer.mixing.preset import load_preset
from ai_mixer.plugin.daw_files import load_any_preset
from ai_mixer.plugin.identity import load_plugin
from ai_mixer.plugin.presets import write_vstpreset
from helpers.tracks import write


@pytest.fixture
def song(tmp_path):
    noise = np.random.default_rng(0).standard_normal((22_050, 2)) * 0.05
    soundfile.write(tmp_path / "song.wav", noise, 44_100, "PCM_24")
    return tmp_path / "song.wav"


def test_mix_of_a_preset_of_a_plugin_and_back(ai_mixer, song):
    saved = song.with_name("from daw.vstpreset")
    saved.write_bytes(write_vstpreset(load_plugin("classic"), {"low_eq": 2.5, "reverb": 0.1}))
    done = ai_mixer("mix", song, "--preset", saved, "--daw")
    assert done.code == 0, done.err
    assert "ai_mixer Classic and fader" in done.out + done.err
    settings = load_preset(song.with_name("song_mixed.json")).settings
    assert (settings["low_eq"], settings["reverb"], settings["mid_eq"]) == (2.5, 0.1, 0.0)
    folder = song.with_name("song_mixed_daw")
    names = {path.name for path in folder.iterdir()}
    assert names == {
        f"song_mixed{suffix}"
        for suffix in (".vstpreset", ".clap-state", ".lv2", ".dawproject", ".rpp")
    }
    again = ai_mixer(
        "mix", song, "--preset", folder / "song_mixed.lv2", "-o", song.parent / "b.wav"
    )
    assert again.code == 0, again.err
    first, _ = soundfile.read(song.with_name("song_mixed.wav"))
    second, _ = soundfile.read(song.with_name("b.wav"))
    assert np.abs(first - second).max() < 1e-6


def test_master_for_the_daw(ai_mixer, song):
    done = ai_mixer("master", song, "--daw", "--set", "band1_gain=2")
    assert done.code == 0, done.err
    read = load_any_preset(song.with_name("song_mastered_daw") / "song_mastered.vstpreset")
    assert read.console.entry == "mastering"
    assert read.settings == load_preset(song.with_name("song_mastered.json")).settings
    assert read.settings["band1_gain"] == 2.0


def test_tracks_for_the_daw(ai_mixer, tmp_path):
    for number, name in enumerate(("kick", "vox")):
        write(tmp_path / "song" / f"{name}.wav", number, seconds=0.6)
    done = ai_mixer("mix", "--tracks", tmp_path / "song", "--daw")
    assert done.code == 0, done.err
    project = tmp_path / "song_mixed.dawproject"
    assert f"project: {project}" in done.out
    with zipfile.ZipFile(project) as archive:
        assert "audio/track2/vox.wav" in archive.namelist()
    (tmp_path / "song_mixed.wav").unlink()
    (tmp_path / "song_mixed.json").unlink()
    (tmp_path / "song_mixed.html").unlink()
    refused = ai_mixer("mix", "--tracks", tmp_path / "song", "--daw")
    assert refused.code == 1
    assert "song_mixed.dawproject" in refused.err
    assert not (tmp_path / "song_mixed.wav").exists()


def test_existing_folder_and_damaged_preset_are_errors_in_one_line(ai_mixer, song):
    (song.parent / "x.vstpreset").write_bytes(b"VST3")
    damaged = ai_mixer("mix", song, "--preset", song.parent / "x.vstpreset")
    assert damaged.code == 1
    assert "x.vstpreset is not a preset of an ai_mixer plug-in: it is damaged" in damaged.err
    (song.parent / "song_mixed_daw").mkdir()
    (song.parent / "x.clap-state").write_text("ai_mixer 1 classic\n")
    refused = ai_mixer("mix", song, "--preset", song.parent / "x.clap-state", "--daw")
    assert refused.code == 1
    assert "--force overwrites it" in refused.err
    assert not song.with_name("song_mixed.wav").exists()
