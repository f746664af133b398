"""What is unusual about a song, in words."""

import pytest
import torch

from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.metrics.sound_profile import profile_names
from ai_mixer.mixing import report
from ai_mixer.mixing.diagnosis import _sentences, diagnose
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.preset import single_section_preset, to_json

RATE = 44_100
CENTRES = torch.tensor(third_octave_centres(RATE))
BANDS, SIZE = len(CENTRES), len(profile_names(RATE))
STD = torch.full((SIZE,), 4.0)


def deviations(tone_db, width_db=0.0, crest_db=0.0):
    """Levels below 180 Hz are off by `tone_db`; the others by what keeps the sum."""
    values = torch.zeros(SIZE)
    values[:BANDS] = torch.where(CENTRES < 180, 0.6 * tone_db, -0.4 * tone_db)
    values[BANDS : 2 * BANDS], values[-1] = width_db, crest_db
    return values


@pytest.mark.parametrize(
    ("deviation", "moved", "expected"),
    [
        (deviations(9.0), {"low_eq"}, ["the bass is 9 dB stronger than is usual"]),
        (deviations(-9.0), {"mid_eq"}, ["the bass is 9 dB softer than is usual"]),
        (
            deviations(0.0, -11.0),
            {"stereo_width"},
            ["the stereo image is 11 dB narrower than is usual"],
        ),
        (
            deviations(9.0, 0.0, -5.0),
            {"compressor_ratio"},
            ["the peaks stand out 5 dB less than is usual"],
        ),
        (deviations(2.0), {"low_eq"}, ["the bass is 2 dB stronger than is usual"]),
    ],
)
def test_what_is_named_is_what_was_moved_for(deviation, moved, expected):
    assert list(_sentences(deviation, STD, RATE, moved)) == expected


@pytest.mark.usefixtures("packaged_models")
def test_other_models_name_nothing(song):
    from ai_mixer.audio import AudioFile

    assert diagnose(resolve_model(None)[1], AudioFile(song), [{"low_eq": -3.0}]) == ()


def test_preset_and_report_have_it():
    preset = single_section_preset({"low_eq": -3.0}, unusual=("a & b", "c"))
    assert '"unusual": [' in to_json(preset)
    assert "unusual" not in to_json(single_section_preset({"low_eq": -3.0}))
    assert report._unusual(preset.unusual) == "<p>What was wrong: a &amp; b; c.</p>"
