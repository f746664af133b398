"""Composers: a name and a taste, drawn from (seed, genre, composer), the same on every machine."""

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
    """What a composer likes, and how the mixing engineer they always work with deviates.

    Deviations in dB are added to the genre's conventions; `width` and `sends` are ratios.
    """

    name: str
    tonics: tuple[int, ...]
    scale: str
    tempo: float  # 0 slow … 1 fast, inside the genre's range
    swing: float
    kit: int
    bass_program: int
    bass_style: str
    lead_programs: tuple[int, ...]
    players: tuple[tuple[Player, int], ...]  # who is hired, with which program
    levels_db: dict[str, float]
    bright_db: float
    warm_db: float
    width: float
    sends_db: float
    decay: float
    loudness_db: float


def rng_for(seed: int, *words: object) -> np.random.Generator:
    """A generator of its own for anything that can be named: order never matters."""
    return np.random.default_rng([seed, zlib.crc32(repr(words).encode())])


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices, as it is (numpy would turn strings and tuples into arrays)."""
    return choices[int(rng.integers(len(choices)))]


def composer_id(genre: str, composer: int) -> str:
    """What must never be split: all songs of one composer."""
    return f"{genre}_composer_{composer}"


def fold_of(genre: str, composer: int) -> int:
    """0–4. Genres start at different folds, so that one composer per genre fills all splits."""
    return (composer + list(GENRE_TABLE).index(genre) % 3) % FOLDS


def split_of(fold: int) -> str:
    """Fold 0 is held out for the tables, fold 1 watches the training."""
    return {0: "test", 1: "val"}.get(fold, "train")


def title_of(seed: int, genre: str, number: int) -> str:
    """A song has to be called something."""
    rng = rng_for(seed, "title", genre, number)
    return f"{pick(rng, _MOOD)} {pick(rng, _THING)}"


def draw_composer_style(seed: int, genre: str, composer: int) -> ComposerStyle:
    """Draw the composer's taste."""
    rng = rng_for(seed, "taste", genre, composer)
    facts: Genre = GENRE_TABLE[genre]
    weights = np.array(list(facts.scales.values()), float)
    count = min(3, len(facts.tonics))
    hired = [player for player in facts.players if rng.random() < player.probability]
    return ComposerStyle(
        name=f"{pick(rng, _FIRST)} {pick(rng, _LAST)}",
        tonics=tuple(int(t) for t in rng.permutation(facts.tonics)[:count]),
        scale=list(facts.scales)[int(rng.choice(len(weights), p=weights / weights.sum()))],
        tempo=float(rng.beta(2.0, 2.0)),
        swing=float(rng.uniform(*facts.swing)),
        kit=pick(rng, facts.kits),
        bass_program=pick(rng, facts.bass_programs),
        bass_style=pick(rng, facts.bass_styles),
        lead_programs=tuple(int(p) for p in rng.permutation(facts.lead.programs)[:2]),
        players=tuple((player, pick(rng, player.programs)) for player in hired),
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
