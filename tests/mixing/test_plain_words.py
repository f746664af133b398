"""The two sentences of a report, and its change curve."""

from dataclasses import replace

import pytest

from ai_mixer.mixing.measurements import measure
from ai_mixer.mixing.plain_words import RANGES_HZ, change_db, sentences
from helpers.signals import noise


@pytest.fixture(scope="module")
def before():
    return measure([noise(2, seconds=2.0)], 44_100)


def changed(before, db, low_hz=0.0, high_hz=1e9, **fields):
    levels = zip(before.spectrum_hz, before.spectrum_db, strict=True)
    spectrum = tuple(level + db * (low_hz <= hz < high_hz) for hz, level in levels)
    return replace(before, spectrum_db=spectrum, **fields)


def test_nothing_changed(before):
    assert sentences(before, before, 0.0) == [
        "Tone and width were left alone.",
        "It is as loud as it came and the dynamics were left alone.",
    ]


@pytest.mark.parametrize("name", RANGES_HZ)
@pytest.mark.parametrize(("db", "words"), [(1.0, "a little stronger"), (-5.0, "much softer")])
def test_the_range_that_changed_is_named_and_the_others_were_left_alone(before, name, db, words):
    first, _ = sentences(before, changed(before, db, *RANGES_HZ[name]), 0.0)
    verb = "are" if name == "mids" else "is"
    assert first.startswith(f"The {name} {verb} {words};")
    others = first.partition(";")[2]
    assert all(other in others for other in RANGES_HZ if other != name)


def test_width_level_and_limiter_are_told(before):
    after = replace(
        before,
        width_db=before.width_db + 2,
        loudness_lufs=before.loudness_lufs + 3,
        spectrum_db=tuple(db + 3 for db in before.spectrum_db),
    )
    first, second = sentences(before, after, 1.23)
    assert "the stereo picture is wider" in first.casefold()
    assert second == (
        "It is 3.0 dB louder than it came and the limiter caught peaks by up to 1.2 dB."
    )


def test_a_louder_copy_has_no_change_of_the_spectrum(before):
    louder = changed(before, 6.0, loudness_lufs=before.loudness_lufs + 6)
    assert change_db(before, louder) == pytest.approx([0.0] * len(before.spectrum_hz), abs=1e-4)
