"""Options applied to predicted settings: style, ranges, amount."""

import pytest

from ai_mixer.cli.commands.parsing import parse_mix_options
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.master_settings import with_intensity
from ai_mixer.mixing.mix_console import default_console
from ai_mixer.mixing.mix_options import MUSICAL, STYLES, WIDE, MixOptions
from ai_mixer.mixing.windowed_prediction import predict_song

EXTREME = {
    **{"low_eq": 6.0, "mid_eq": -6.0, "presence": 0.5},
    **{"compressor_ratio": 8.0, "stereo_width": 2.5},
}


def settings(ranges=MUSICAL, predicted=EXTREME, **mix_options):
    return apply_mix_options(
        predicted,
        console_cache.knobs_by_name(),
        MixOptions(**mix_options),
        console_cache.knobs_by_name(ranges),
    )


def test_amount_one_half_is_half_of_each_change():
    whole, half = settings(), settings(amount=0.5)
    assert (whole["low_eq"], half["low_eq"]) == (3.0, 1.5)
    assert (whole["mid_eq"], half["mid_eq"]) == (-2.0, -1.0)
    assert half["stereo_width"] == pytest.approx(whole["stereo_width"] ** 0.5, abs=1e-4)
    assert half["compressor_ratio"] == pytest.approx(1 / (1 - 0.5 * 0.75), abs=1e-4)


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("ranges", [MUSICAL, WIDE])
def test_settings_are_within_the_ranges(ranges, amount):
    applied = settings(ranges, amount=amount)
    for name, knob in console_cache.knobs_by_name(ranges).items():
        assert knob.low <= applied[name] <= knob.high


def test_settings_within_the_ranges_are_unchanged():
    predicted = {"low_eq": 2.9, "stereo_width": 1.05, "compressor_ratio": 3.5}
    applied = settings(predicted=predicted)
    assert {name: applied[name] for name in predicted} == predicted


def test_style_amount_is_applied_before_the_ranges():
    predicted = {"low_eq": 6.0, "mid_eq": 2.0}
    applied = settings(STYLES["natural"].ranges, predicted, style="natural")
    assert (applied["low_eq"], applied["mid_eq"]) == (2.0, 1.4)


def test_shrinkage_is_applied_before_the_ranges(song, packaged_models):
    """Decision 0031: shrunk settings may be outside the ranges; those of the mix must not."""
    from ai_mixer import AudioMixer
    from ai_mixer.audio import AudioFile
    from ai_mixer.mixing.model_lookup import resolve_model

    predictor = resolve_model(None)[1]
    applied = predict_song(predictor, AudioFile(song)).applied
    shrunk = predictor.console.settings(applied.knobs)[0]
    applied = AudioMixer().predict_mixing_parameters(song)["Baseline CNN"]
    for name, knob in console_cache.knobs_by_name(MUSICAL).items():
        clamped = min(max(shrunk[name], knob.low), knob.high)
        assert applied[name] == pytest.approx(clamped, abs=1e-4)


def test_the_command_without_options_asks_for_nothing():
    """Then a song that is left alone is a copy."""
    given = parse_mix_options([], None, [], None)
    assert with_intensity(default_console().resolve(given), None) == MixOptions()
