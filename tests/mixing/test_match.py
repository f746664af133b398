"""Settings estimated by `match` between two versions of a song."""

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
    """Factory: settings → those estimated between a song and its mix with these settings."""

    def estimated(**settings):
        console = console_cache.shared_console()
        mix = console(music[None], RATE, console.knobs_from(settings), limit=False)[0]
        for name, audio in (("rough", music), ("finished", mix)):
            path = tmp_path / f"{name}.wav"
            write_audio(path, [audio], RATE, 2, audio.shape[1], source_subtype="FLOAT")
        rough, finished = tmp_path / "rough.wav", tmp_path / "finished.wav"
        return match(AudioMixer(), rough, finished, force=True).preset.sections[0].settings

    return estimated


def test_idle_compressor_is_off_and_input_gain_is_one(matched, monkeypatch):
    """A fit may split the level into two gains, such as −11 dB and +11 dB on one real song."""
    split = {"low_eq": 2.0, "input_gain": 0.3, "compressor_ratio": 1.02, "output_level": 0.8 / 0.3}
    fit = KnobFit(console_cache.shared_console().knobs_from(split), torch.tensor([0.01]))
    monkeypatch.setattr(matching, "fit_knobs", lambda *_: fit)
    settings = matched(low_eq=2.0, output_level=0.8)
    assert settings["compressor_ratio"] == pytest.approx(1.0, abs=1e-4)
    assert settings["input_gain"] == pytest.approx(1.0, abs=1e-4)
    assert settings["low_eq"] == pytest.approx(2.0, abs=0.05)
    assert settings["output_level"] == pytest.approx(0.8, rel=0.01)


def test_active_compressor_is_estimated(matched):
    settings = matched(input_gain=2.0, compressor_ratio=4.0)
    assert settings["compressor_ratio"] > 2.0
