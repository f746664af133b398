"""Where songs have no other music, there is no reference to hear."""

import warnings
from pathlib import Path

import pytest

from ai_mixer.core.types import CONDITIONS, Song
from ai_mixer.evaluation.conditions import resolve_conditions


def song(duration_s, reference=None):
    names = dict.fromkeys(("id", "song", "group"), "a")
    return Song(
        **names,
        path=Path("a.wav"),
        split="test",
        duration_s=duration_s,
        sample_rate=44100,
        channels=2,
        reference=reference,
    )


def test_long_songs_have_all():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve_conditions("all", [song(30.0)], 5.0) == CONDITIONS
        assert resolve_conditions("blind", [song(5.0)], 5.0) == ("blind",)


@pytest.mark.parametrize("excerpt_s", [30.0, None])
def test_songs_of_one_excerpt_have_no_reference(excerpt_s):
    with pytest.raises(ValueError, match="no song has other music to refer to; give a shorter"):
        resolve_conditions("reference", [song(30.0)], excerpt_s)
    with pytest.warns(UserWarning, match="no song has a reference: left out"):
        assert resolve_conditions("all", [song(30.0)], excerpt_s) == ("blind", "paired")


def test_a_reference_of_its_own_counts():
    given = song(30.0, reference=song(10.0))
    assert resolve_conditions("reference", [given], None) == ("reference",)


def test_an_overlap_is_said():
    with pytest.warns(UserWarning, match="shorter than two excerpts .10 s"):
        assert resolve_conditions("all", [song(9.0)], 5.0) == CONDITIONS


def test_a_condition_that_is_none():
    with pytest.raises(ValueError, match="condition 'deaf' is none of blind, reference, paired"):
        resolve_conditions("deaf", [song(9.0)], 5.0)
