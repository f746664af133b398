"""Songs without other music have no reference."""

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


def test_long_songs_support_all_conditions():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolve_conditions("all", [song(30.0)], 5.0) == CONDITIONS
        assert resolve_conditions("blind", [song(5.0)], 5.0) == ("blind",)


@pytest.mark.parametrize("excerpt_s", [30.0, None])
def test_songs_of_one_excerpt_have_no_reference(excerpt_s):
    with pytest.raises(ValueError, match=r"condition=reference.*no song has a reference"):
        resolve_conditions("reference", [song(30.0)], excerpt_s)
    with pytest.warns(UserWarning, match="no song has a reference"):
        assert resolve_conditions("all", [song(30.0)], excerpt_s) == ("blind", "paired")


def test_a_separate_reference_file_suffices():
    with_reference = song(30.0, reference=song(10.0))
    assert resolve_conditions("reference", [with_reference], None) == ("reference",)


def test_overlap_of_reference_and_excerpt_warns():
    with pytest.warns(UserWarning, match="shorter than two excerpts .10 s"):
        assert resolve_conditions("all", [song(9.0)], 5.0) == CONDITIONS


def test_unknown_condition_raises():
    with pytest.raises(ValueError, match=r"'mono'.*blind, reference, paired"):
        resolve_conditions("mono", [song(9.0)], 5.0)
