"""Songs on paper, 30 s of them: what makes them music, and what makes them different."""

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
def book() -> dict[str, list[Score]]:
    return {g: [compose_song(0, g, n, 30.0) for n in range(SONGS)] for g in GENRES}


def notes_of(score: Score, stem: str) -> list[Note]:
    return [note for part in score.parts if part.stem == stem for note in part.notes]


def test_the_band_plays_the_genres_of_the_project() -> None:
    assert tuple(GENRE_TABLE) == GENRES


@pytest.mark.parametrize("genre", GENRES)
def test_everybody_plays(book: dict[str, list[Score]], genre: str) -> None:
    for score in book[genre]:
        for stem in STEMS:
            assert len(notes_of(score, stem)) >= 8, stem


@pytest.mark.parametrize("genre", GENRES)
def test_tempo_stays_in_the_genre(book: dict[str, list[Score]], genre: str) -> None:
    slow, fast = GENRE_TABLE[genre].bpm
    assert all(slow / 1.07 <= score.bpm <= fast * 1.07 for score in book[genre])


@pytest.mark.parametrize("genre", GENRES)
def test_notes_are_in_key_and_in_range(book: dict[str, list[Score]], genre: str) -> None:
    lead, bass = GENRE_TABLE[genre].lead, GENRE_TABLE[genre].bass_range
    for score in book[genre]:
        pitched = [n for part in score.parts if not part.drums for n in part.notes]
        inside = [(n.key - score.tonic) % 12 in score.scale for n in pitched]
        assert np.mean(inside) > 0.85
        assert all(lead.low <= n.key <= lead.high for n in notes_of(score, "vocals"))
        assert all(bass[0] <= n.key <= bass[1] for n in notes_of(score, "bass"))
        assert all(1 <= n.velocity <= 127 and n.duration_s > 0 for n in pitched)


@pytest.mark.parametrize("genre", GENRES)
def test_sections_come_back_with_their_chords_and_theme(
    book: dict[str, list[Score]], genre: str
) -> None:
    for score in book[genre]:
        names = [section.name for section in score.sections]
        assert len(names) >= 3
        back = next(s for s in score.sections if s.repetition == 1)
        first = next(s for s in score.sections if s.name == back.name)

        def chords(section, score=score):
            return score.chords[2 * section.first_bar : 2 * (section.first_bar + section.bars)]

        assert chords(back) == chords(first)


def test_a_melody_comes_back_almost_the_same(book: dict[str, list[Score]]) -> None:
    score = book["pop"][0]
    first, back = (
        next(s for s in score.sections if s.name == "chorus" and s.repetition == repetition)
        for repetition in (0, 1)
    )
    bar_s = score.beats_per_bar * 60.0 / score.bpm

    def classes(section) -> list[int]:
        start, end = section.first_bar * bar_s, (section.first_bar + section.bars) * bar_s
        tune = [n for n in notes_of(score, "vocals") if start - 0.05 <= n.start_s < end - 0.05]
        return [int((n.start_s - start) / bar_s * 8 + 0.5) for n in tune]

    assert len(set(classes(first)) & set(classes(back))) >= 0.8 * len(set(classes(first)))


@pytest.mark.parametrize("genre", GENRES)
def test_no_two_songs_of_a_genre_are_alike(book: dict[str, list[Score]], genre: str) -> None:
    tunes = {tuple(n.key for n in notes_of(score, "vocals")) for score in book[genre]}
    assert len(tunes) == SONGS


def test_nobody_plays_like_a_machine(book: dict[str, list[Score]]) -> None:
    kicks = next(p for p in book["rock"][0].parts if p.name == "kick").notes
    assert len({n.velocity for n in kicks}) > 5
    step = 15.0 / book["rock"][0].bpm
    late = [n.start_s / step - round(n.start_s / step) for n in kicks]
    assert 0.005 < np.std(late) < 0.2


def test_jazz_swings_and_rock_does_not() -> None:
    plans = {
        g: arrange(g, draw_composer_style(0, g, 0), rng_for(0, "plan", g, 0), 30.0)
        for g in ("jazz", "rock")
    }
    share = {
        g: (p.seconds_at(0, 2) - p.seconds_at(0, 0)) / (p.seconds_at(0, 4) - p.seconds_at(0, 0))
        for g, p in plans.items()
    }
    assert 0.59 < share["jazz"] < 0.68
    assert share["rock"] == pytest.approx(0.5)


def test_choruses_are_fuller_than_verses(book: dict[str, list[Score]]) -> None:
    fuller = []
    for score in book["rock"] + book["pop"] + book["hip_hop"]:
        bar_s = score.beats_per_bar * 60.0 / score.bpm
        notes = [note for part in score.parts for note in part.notes]
        sound = {}
        for section in score.sections:
            begin, end = section.first_bar * bar_s, (section.first_bar + section.bars) * bar_s
            played = [n for n in notes if begin <= n.start_s < end]
            sound[section.name] = sum(n.velocity**2 * n.duration_s for n in played) / section.bars
        fuller.append(sound["chorus"] > sound["verse"])
    assert np.mean(fuller) >= 0.9


def test_one_composer_per_genre_fills_all_splits() -> None:
    splits = [split_of(fold_of(genre, 0)) for genre in GENRES]
    assert all(splits.count(name) == 2 for name in ("train", "val", "test"))
    assert all({fold_of(g, c) for c in range(5)} == set(range(5)) for g in GENRES)


@pytest.mark.parametrize("duration_s", [2.0, 5.0, 11.0, 60.0, 180.0])
@pytest.mark.parametrize("genre", GENRES)
def test_any_length_is_filled(genre: str, duration_s: float) -> None:
    for number in range(3):
        score = compose_song(3, genre, number, duration_s)
        starts = [n.start_s for part in score.parts for n in part.notes]
        assert max(starts) < duration_s
        assert max(starts) > duration_s - 4.0
        for stem in STEMS:
            assert notes_of(score, stem), stem
