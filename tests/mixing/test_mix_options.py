"""What is said becomes what is set: held to the ranges, then as much of it as is wished for."""

import pytest

from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import FREE, SAFE, STYLES, Wishes, decide
from ai_mixer.mixing.windowed_prediction import predicted

FAR = {"low_eq": 6.0, "mid_eq": -6.0, "compressor_ratio": 8.0, "stereo_width": 2.5, "presence": 0.5}


def settings(held=SAFE, **wishes):
    return decide(FAR, console_cache.knobs(), Wishes(**wishes), console_cache.knobs(held))


def test_half_of_a_mix_is_half_of_what_the_whole_would_do():
    whole, half = settings(), settings(amount=0.5)
    assert (whole["low_eq"], half["low_eq"]) == (3.0, 1.5)
    assert (whole["mid_eq"], half["mid_eq"]) == (-2.0, -1.0)
    assert half["stereo_width"] == pytest.approx(whole["stereo_width"] ** 0.5, abs=1e-4)
    assert half["compressor_ratio"] == pytest.approx(1 / (1 - 0.5 * 0.75), abs=1e-4)


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("held", [SAFE, FREE])
def test_settings_lie_within_what_holds(held, amount):
    found = settings(held, amount=amount)
    for name, knob in console_cache.knobs(held).items():
        assert knob.low <= found[name] <= knob.high


def test_what_lies_within_stays_as_it_was_said():
    said = {"low_eq": 2.9, "stereo_width": 1.05, "compressor_ratio": 3.5}
    found = decide(said, console_cache.knobs(), Wishes(), console_cache.knobs(SAFE))
    assert {name: found[name] for name in said} == said


def test_a_style_weighs_what_is_said_before_it_is_held():
    natural = STYLES["natural"]
    gentle = console_cache.knobs(natural.ranges)
    found = decide(
        {"low_eq": 6.0, "mid_eq": 2.0}, console_cache.knobs(), Wishes(style="natural"), gentle
    )
    assert (found["low_eq"], found["mid_eq"]) == (2.0, 1.4)


def test_a_model_is_held_back_first_and_to_the_range_after(song, packaged_models):
    """0031: what is held back may still lie outside; only what is set must not."""
    from ai_mixer import AudioMixer
    from ai_mixer.audio import Sound
    from ai_mixer.mixing.model_lookup import chosen

    mixer = chosen(None)[1]
    held_back = predicted(mixer, Sound(song), held_back=True)
    found = AudioMixer().predict_mixing_parameters(song)["Baseline CNN"]
    for name, knob in console_cache.knobs(SAFE).items():
        inside = min(max(held_back[name], knob.low), knob.high)
        assert found[name] == pytest.approx(inside, abs=1e-4)
