"""Styles of fictitious composers, drawn from (seed, genre, composer)."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ai_mixer.data.band.genres import GENRE_TABLE, Genre, Player

SONGS_PER_COMPOSER = 2
FOLDS = 5
T = TypeVar("T")

_FIRST = ("Ada", "Bo", "Cleo", "Dag", "Edda", "Finn", "Gus", "Hana", "Ines", "Jon", "Kai", "Lou")
_LAST = ("Amber", "Brook", "Cole", "Dale", "Elm", "Frost", "Gray", "Hale", "Isle", "June", "Kerr")
_MOOD = ("Blue", "Broken", "Distant", "Golden", "Hidden", "Late", "Little", "Paper", "Silver")
_THING = ("Avenue", "Bridge", "Harbour", "Hour", "Letter", "Mirror", "Morning", "River", "Signal")


@dataclass(frozen=True)
class ComposerStyle:
    """Parameters of the songs of one composer, and deviations of their mixes.

    Deviations in dB are added to the genre's mixing conventions; `width` and `decay` are factors.
    """

    name: str
    tonics: tuple[int, ...]
    scale: str
    tempo: float  # 0 slow … 1 fast, within the genre's range
    swing: float
    kit: int
    bass_program: int
    bass_style: str
    lead_programs: tuple[int, ...]
    players: tuple[tuple[Player, int], ...]  # with their General MIDI programs
    levels_db: dict[str, float]
    bright_db: float
    warm_db: float
    width: float
    sends_db: float
    decay: float
    loudness_db: float


def rng_for(seed: int, *words: object) -> np.random.Generator:
    """Random generator seeded by (seed, words), independent of all others."""
    return np.random.default_rng([seed, zlib.crc32(repr(words).encode())])


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """A random choice (rng.choice would convert strings and tuples to arrays)."""
    return choices[int(rng.integers(len(choices)))]


def composer_id(genre: str, composer: int) -> str:
    """Group of all songs of one composer, which are in one split."""
    return f"{genre}_composer_{composer}"


def fold_of(genre: str, composer: int) -> int:
    """Fold 0–4. Genres start at different folds, so one composer per genre fills all splits."""
    return (composer + list(GENRE_TABLE).index(genre) % 3) % FOLDS


def split_of(fold: int) -> str:
    """Fold 0 is the test, fold 1 validation, the others training."""
    return {0: "test", 1: "val"}.get(fold, "train")


def title_of(seed: int, genre: str, number: int) -> str:
    """Title of a song."""
    rng = rng_for(seed, "title", genre, number)
    return f"{pick(rng, _MOOD)} {pick(rng, _THING)}"


def draw_composer_style(seed: int, genre: str, composer: int) -> ComposerStyle:
    """Draw the style of a composer."""
    rng = rng_for(seed, "taste", genre, composer)
    table: Genre = GENRE_TABLE[genre]
    weights = np.array(list(table.scales.values()), float)
    count = min(3, len(table.tonics))
    players = [player for player in table.players if rng.random() < player.probability]
    return ComposerStyle(
        name=f"{pick(rng, _FIRST)} {pick(rng, _LAST)}",
        tonics=tuple(int(t) for t in rng.permutation(table.tonics)[:count]),
        scale=list(table.scales)[int(rng.choice(len(weights), p=weights / weights.sum()))],
        tempo=float(rng.beta(2.0, 2.0)),
        swing=float(rng.uniform(*table.swing)),
        kit=pick(rng, table.kits),
        bass_program=pick(rng, table.bass_programs),
        bass_style=pick(rng, table.bass_styles),
        lead_programs=tuple(int(p) for p in rng.permutation(table.lead.programs)[:2]),
        players=tuple((player, pick(rng, player.programs)) for player in players),
        levels_db={
            stem: float(np.clip(rng.normal(0.0, 1.0), -2.0, 2.0))
            for stem in ("drums", "bass", "vocals", "other")
        },
        bright_db=float(np.clip(rng.normal(0.0, 1.0), -2.0, 2.0)),
        warm_db=float(np.clip(rng.normal(0.0, 1.0), -2.0, 2.0)),
        width=float(np.exp(np.clip(rng.normal(0.0, 0.12), -0.25, 0.25))),
        sends_db=float(np.clip(rng.normal(0.0, 1.5), -3.0, 3.0)),
        decay=float(np.exp(np.clip(rng.normal(0.0, 0.15), -0.3, 0.3))),
        loudness_db=float(rng.uniform(-0.5, 0.5)),
    )
