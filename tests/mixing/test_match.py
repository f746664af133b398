"""What `match` tells of two versions: no move that nobody made."""

import pytest
import torch

from ai_mixer import AudioMixer
from ai_mixer.audio import write_audio
from ai_mixer.inference.knob_fitting import KnobFit
from ai_mixer.mixing import console_cache
from ai_mixer.mixing import match as matching
from ai_mixer.mixing.match import match

pytestmark = pytest.mark.usefixtures("packaged_models")
RATE = 44_100


@pytest.fixture
def matched(music, tmp_path):
    """The settings that are told, of a song and what a console made of it."""

    def told(**settings):
        console = console_cache.shared_console()
        mix = console(music[None], RATE, console.knobs_from(settings), limit=False)[0]
        for name, audio in (("rough", music), ("finished", mix)):
            path = tmp_path / f"{name}.wav"
            write_audio(path, [audio], RATE, 2, audio.shape[1], source_subtype="FLOAT")
        rough, finished = tmp_path / "rough.wav", tmp_path / "finished.wav"
        return match(AudioMixer(), rough, finished, force=True).preset.sections[0].settings

    return told


def test_an_idle_compressor_is_off_and_both_gains_are_one(matched, monkeypatch):
    """Found so on a real song: −11 dB in and +11 dB out, through a compressor that slept."""
    split = {"low_eq": 2.0, "input_gain": 0.3, "compressor_ratio": 1.02, "output_level": 0.8 / 0.3}
    found = KnobFit(console_cache.shared_console().knobs_from(split), torch.tensor([0.01]))
    monkeypatch.setattr(matching, "fit", lambda *_: found)
    settings = matched(low_eq=2.0, output_level=0.8)
    assert settings["compressor_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert settings["input_gain"] == pytest.approx(1.0, abs=1e-4)
    assert settings["low_eq"] == pytest.approx(2.0, abs=0.05)
    assert settings["output_level"] == pytest.approx(0.8, rel=0.01)


def test_a_compressor_that_works_is_told(matched):
    settings = matched(input_gain=2.0, compressor_ratio=4.0)
    assert settings["compressor_ratio"] > 2.0
