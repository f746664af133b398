"""`ai-mixer mix` without options: a usual song is copied, a wrong one corrected and explained."""

import pytest
import soundfile
import torch

from ai_mixer.audio import AudioFile
from ai_mixer.faults import generators
from ai_mixer.inference import pretrained
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.report import to_html
from helpers.music import finished_songs

RATE = 44_100
DAMAGES = {  # name → change, knob, its value at least or at most, and what is said
    "bass": (generators.shelf("low", 100.0, 1.0), 12.0, "low_eq", -3.0, "bass"),
    "width": (generators.side_gain(-1.0), 10.5, "stereo_width", 2.0, "narrower"),
}


@pytest.fixture(scope="module")
def finished():
    """[2, T]: a finished song."""
    path = finished_songs(8)[7]
    return torch.cat(list(AudioFile(path).blocks()), -1).expand(2, -1).float()


def mixed(audio, folder):
    soundfile.write(folder / "song.wav", audio.T.numpy(), RATE, subtype="FLOAT")
    return AudioMixer().mix_file(folder / "song.wav", folder / "mixed.wav", write_sidecars=False)


@pytest.mark.music
def test_a_finished_song_is_copied(finished, tmp_path):
    result = mixed(finished, tmp_path)
    assert result.preset.model == pretrained.blind_model() == "evidence"
    assert result.preset.unchanged
    assert not result.preset.unusual
    assert (tmp_path / "mixed.wav").read_bytes()[-4096:] == (tmp_path / "song.wav").read_bytes()[
        -4096:
    ]


@pytest.mark.music
@pytest.mark.parametrize("name", DAMAGES)
def test_a_wrong_song_is_corrected_and_explained(finished, tmp_path, name):
    change, severity, knob, value, word = DAMAGES[name]
    result = mixed(change(finished, RATE, severity), tmp_path)
    setting = result.preset.settings[knob]
    assert setting <= value if value < 0 else setting >= value
    assert any(word in sentence for sentence in result.preset.unusual)
    assert f"<p>What was wrong: {result.preset.unusual[0]}" in to_html(result)
