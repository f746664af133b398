"""Scores of 30 s: musical properties and differences between songs."""

import numpy as np
import pytest

from ai_mixer.core.types import GENRES
from ai_mixer.data.band.arrangement import arrange
from ai_mixer.data.band.composer import compose_song
from ai_mixer.data.band.composer_style import draw_composer_style, fold_of, rng_for, split_of
from ai_mixer.data.band.genres import GENRE_TABLE
from ai_mixer.data.band.score import STEMS, Note, Score

SONGS = 4


@pytest.fixture(scope="module")
def scores() -> dict[str, list[Score]]:
    return {g: [compose_song(0, g, n, 30.0) for n in range(SONGS)] for g in GENRES}


def notes_of(score: Score, stem: str) -> list[Note]:
    return [note for part in score.parts if part.stem == stem for note in part.notes]


def test_genre_table_has_all_genres() -> None:
    assert tuple(GENRE_TABLE) == GENRES


@pytest.mark.parametrize("genre", GENRES)
def test_every_stem_has_notes(scores: dict[str, list[Score]], genre: str) -> None:
    for score in scores[genre]:
        for stem in STEMS:
            assert len(notes_of(score, stem)) >= 8, stem


@pytest.mark.parametrize("genre", GENRES)
def test_tempo_is_in_the_range_of_the_genre(scores: dict[str, list[Score]], genre: str) -> None:
    slow, fast = GENRE_TABLE[genre].bpm
    assert all(slow / 1.07 <= score.bpm <= fast * 1.07 for score in scores[genre])


@pytest.mark.parametrize("genre", GENRES)
def test_notes_are_in_key_and_in_range(scores: dict[str, list[Score]], genre: str) -> None:
    lead, bass = GENRE_TABLE[genre].lead, GENRE_TABLE[genre].bass_range
    for score in scores[genre]:
        pitched = [n for part in score.parts if not part.drums for n in part.notes]
        inside = [(n.key - score.tonic) % 12 in score.scale for n in pitched]
        assert np.mean(inside) > 0.85
        assert all(lead.low <= n.key <= lead.high for n in notes_of(score, "vocals"))
        assert all(bass[0] <= n.key <= bass[1] for n in notes_of(score, "bass"))
        assert all(1 <= n.velocity <= 127 and n.duration_s > 0 for n in pitched)


@pytest.mark.parametrize("genre", GENRES)
def test_repeated_sections_have_the_same_chords(scores: dict[str, list[Score]], genre: str) -> None:
    for score in scores[genre]:
        names = [section.name for section in score.sections]
        assert len(names) >= 3
        repeated = next(s for s in score.sections if s.repetition == 1)
        first = next(s for s in score.sections if s.name == repeated.name)

        def chords(section, score=score):
            return score.chords[2 * section.first_bar : 2 * (section.first_bar + section.bars)]

        assert chords(repeated) == chords(first)


def test_repeated_sections_have_nearly_the_same_rhythm(scores: dict[str, list[Score]]) -> None:
    score = scores["pop"][0]
    first, repeated = (
        next(s for s in score.sections if s.name == "chorus" and s.repetition == repetition)
        for repetition in (0, 1)
    )
    bar_s = score.beats_per_bar * 60.0 / score.bpm

    def onsets(section) -> set[int]:
        """Onsets of the melody in eighths from the start of the section."""
        start, end = section.first_bar * bar_s, (section.first_bar + section.bars) * bar_s
        notes = [n for n in notes_of(score, "vocals") if start - 0.05 <= n.start_s < end - 0.05]
        return {int((n.start_s - start) / bar_s * 8 + 0.5) for n in notes}

    assert len(onsets(first) & onsets(repeated)) >= 0.8 * len(onsets(first))


@pytest.mark.parametrize("genre", GENRES)
def test_melodies_of_a_genre_differ(scores: dict[str, list[Score]], genre: str) -> None:
    melodies = {tuple(n.key for n in notes_of(score, "vocals")) for score in scores[genre]}
    assert len(melodies) == SONGS


def test_timing_and_velocity_vary(scores: dict[str, list[Score]]) -> None:
    kicks = next(p for p in scores["rock"][0].parts if p.name == "kick").notes
    assert len({n.velocity for n in kicks}) > 5
    step_s = 15.0 / scores["rock"][0].bpm
    deviations = [n.start_s / step_s - round(n.start_s / step_s) for n in kicks]
    assert 0.005 < np.std(deviations) < 0.2


def test_jazz_has_swing_and_rock_has_none() -> None:
    share = {}
    for genre in ("jazz", "rock"):
        style = draw_composer_style(0, genre, 0)
        song = arrange(genre, style, rng_for(0, "plan", genre, 0), 30.0)
        first_s, second_s, next_s = (song.seconds_at(0, step) for step in (0, 2, 4))
        share[genre] = (second_s - first_s) / (next_s - first_s)
    assert 0.59 < share["jazz"] < 0.68
    assert share["rock"] == pytest.approx(0.5)


def test_choruses_have_more_energy_than_verses(scores: dict[str, list[Score]]) -> None:
    chorus_is_louder = []
    for score in scores["rock"] + scores["pop"] + scores["hip_hop"]:
        bar_s = score.beats_per_bar * 60.0 / score.bpm
        notes = [note for part in score.parts for note in part.notes]
        energy = {}
        for section in score.sections:
            start, end = section.first_bar * bar_s, (section.first_bar + section.bars) * bar_s
            inside = [n for n in notes if start <= n.start_s < end]
            energy[section.name] = sum(n.velocity**2 * n.duration_s for n in inside) / section.bars
        chorus_is_louder.append(energy["chorus"] > energy["verse"])
    assert np.mean(chorus_is_louder) >= 0.9


def test_one_composer_per_genre_fills_all_splits() -> None:
    splits = [split_of(fold_of(genre, 0)) for genre in GENRES]
    assert all(splits.count(name) == 2 for name in ("train", "val", "test"))
    assert all({fold_of(g, c) for c in range(5)} == set(range(5)) for g in GENRES)


@pytest.mark.slow
@pytest.mark.parametrize("duration_s", [2.0, 5.0, 11.0, 60.0, 180.0])
@pytest.mark.parametrize("genre", GENRES)
def test_notes_fill_any_duration(genre: str, duration_s: float) -> None:
    for number in range(3):
        score = compose_song(3, genre, number, duration_s)
        starts = [n.start_s for part in score.parts for n in part.notes]
        assert max(starts) < duration_s
        assert max(starts) > duration_s - 4.0
        for stem in STEMS:
            assert notes_of(score, stem), stem
