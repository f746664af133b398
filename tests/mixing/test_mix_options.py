"""What is said becomes what is set: held to the ranges, then as much of it as is wished for."""

import pytest

from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import MUSICAL, STYLES, WIDE, MixOptions, apply_mix_options
from ai_mixer.mixing.windowed_prediction import predict_settings

FAR = {"low_eq": 6.0, "mid_eq": -6.0, "compressor_ratio": 8.0, "stereo_width": 2.5, "presence": 0.5}


def settings(held=MUSICAL, **mix_options):
    return apply_mix_options(
        FAR,
        console_cache.knobs_by_name(),
        MixOptions(**mix_options),
        console_cache.knobs_by_name(held),
    )


def test_half_of_a_mix_is_half_of_what_the_whole_would_do():
    whole, half = settings(), settings(amount=0.5)
    assert (whole["low_eq"], half["low_eq"]) == (3.0, 1.5)
    assert (whole["mid_eq"], half["mid_eq"]) == (-2.0, -1.0)
    assert half["stereo_width"] == pytest.approx(whole["stereo_width"] ** 0.5, abs=1e-4)
    assert half["compressor_ratio"] == pytest.approx(1 / (1 - 0.5 * 0.75), abs=1e-4)


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("held", [MUSICAL, WIDE])
def test_settings_lie_within_what_holds(held, amount):
    found = settings(held, amount=amount)
    for name, knob in console_cache.knobs_by_name(held).items():
        assert knob.low <= found[name] <= knob.high


def test_what_lies_within_stays_as_it_was_said():
    said = {"low_eq": 2.9, "stereo_width": 1.05, "compressor_ratio": 3.5}
    found = apply_mix_options(
        said, console_cache.knobs_by_name(), MixOptions(), console_cache.knobs_by_name(MUSICAL)
    )
    assert {name: found[name] for name in said} == said


def test_a_style_weighs_what_is_said_before_it_is_held():
    natural = STYLES["natural"]
    gentle = console_cache.knobs_by_name(natural.ranges)
    found = apply_mix_options(
        {"low_eq": 6.0, "mid_eq": 2.0},
        console_cache.knobs_by_name(),
        MixOptions(style="natural"),
        gentle,
    )
    assert (found["low_eq"], found["mid_eq"]) == (2.0, 1.4)


def test_a_model_is_held_back_first_and_to_the_range_after(song, packaged_models):
    """0031: what is held back may still lie outside; only what is set must not."""
    from ai_mixer import AudioMixer
    from ai_mixer.audio import AudioFile
    from ai_mixer.mixing.model_lookup import resolve_model

    mixer = resolve_model(None)[1]
    shrink = predict_settings(mixer, AudioFile(song), shrink=True)
    found = AudioMixer().predict_mixing_parameters(song)["Baseline CNN"]
    for name, knob in console_cache.knobs_by_name(MUSICAL).items():
        inside = min(max(shrink[name], knob.low), knob.high)
        assert found[name] == pytest.approx(inside, abs=1e-4)
