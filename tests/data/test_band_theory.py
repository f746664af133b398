"""Chords by Roman numeral, and voice leading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_mixer.data.band.genres import GENRE_TABLE
from ai_mixer.data.band.theory import chord, keys_in_range, lead_voices, nearest_key


def test_numerals_are_chords_of_c_major() -> None:
    names = {"I": {0, 4, 7}, "ii": {2, 5, 9}, "V7": {7, 11, 2, 5}, "bVII": {10, 2, 5}}
    assert {name: set(chord(name, 0).tones) for name in names} == names


@pytest.mark.parametrize("symbol", ["H", "", "Imaj13", "viii"])
def test_unknown_chord_symbols_are_errors(symbol: str) -> None:
    with pytest.raises(ValueError, match="chord"):
        chord(symbol, 0)


@given(tonic=st.integers(0, 11), symbol=st.sampled_from(["I", "vi", "V7", "iim7", "bVImaj7"]))
def test_transposing_the_tonic_transposes_the_chord(tonic: int, symbol: str) -> None:
    moved = chord(symbol, tonic).tones
    assert moved == tuple((tone + tonic) % 12 for tone in chord(symbol, 0).tones)


@given(
    first=st.sampled_from(["I", "ii", "iii", "IV", "V", "vi"]),
    second=st.sampled_from(["I", "ii", "iii", "IV", "V", "vi"]),
    tonic=st.integers(0, 11),
)
def test_voices_of_successive_triads_move_at_most_5_semitones(
    first: str, second: str, tonic: int
) -> None:
    one = lead_voices(chord(first, tonic).tones, [], 50, 74)
    two = lead_voices(chord(second, tonic).tones, one, 50, 74)
    assert {k % 12 for k in two} == set(chord(second, tonic).tones)
    assert max(abs(a - b) for a, b in zip(one, two, strict=True)) <= 5
    assert min(one + two) >= 50
    assert max(one + two) <= 74


@given(st.floats(20, 100), st.sets(st.integers(0, 11), min_size=1))
def test_nearest_key_is_at_most_6_semitones_away(key: float, classes: set[int]) -> None:
    choices = keys_in_range(tuple(classes), 0, 127)
    assert abs(nearest_key(key, choices) - key) <= 6.0 or len(classes) < 12


@pytest.mark.parametrize("genre", GENRE_TABLE)
def test_progressions_grooves_and_forms_are_valid(genre: str) -> None:
    for passage in GENRE_TABLE[genre].passages.values():
        for progression in passage.progressions:
            bars = progression.split("|")
            assert len(bars) == 4
            for symbol in progression.replace("|", " ").split():
                chord(symbol, 0)
        for lines in passage.grooves.values():
            assert all(len(line) in (0, 16) and set(line) <= set("Xxo.-") for line in lines)
    for form in GENRE_TABLE[genre].forms.values():
        assert set(form.split()) <= set(GENRE_TABLE[genre].passages)
