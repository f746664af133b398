"""The plan of a song before anybody plays: tempo, key, form, and the chord of every half bar."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ai_mixer.data.band.composer_style import ComposerStyle, pick
from ai_mixer.data.band.genres import GENRE_TABLE, Genre, Passage
from ai_mixer.data.band.score import Section
from ai_mixer.data.band.theory import PENTATONIC, SCALES, Chord, chord

FINAL_CHORD_S = (1.2, 2.8)  # how long the last chord may ring
MAX_TEMPO_STRETCH = 1.06  # a song may play this much faster or slower to end in time
MAX_SECTIONS = 5
_MINOR = re.compile(r"(?:^|[ |])(?:i(?![iv])|iv|v(?!i)|bIII|bVI(?!I))")


@dataclass(frozen=True)
class Arrangement:
    """Everything the players agree on. Bars and half bars count from 0."""

    genre: Genre
    composer_style: ComposerStyle
    bpm: float
    swing: float
    beats: int
    tonic: int
    scale: tuple[int, ...]
    sections: list[Section]
    grooves: Mapping[str, Mapping[str, str]]  # passage → drum voice → line
    chord_symbols: list[str]
    bars: int
    has_ending: bool  # a last chord follows; otherwise the music is faded
    duration_s: float

    @property
    def steps(self) -> int:
        """Sixteenths in a bar."""
        return 4 * self.beats

    @property
    def step_s(self) -> float:
        """Seconds of a sixteenth."""
        return 15.0 / self.bpm

    def seconds_at(self, bar: int, step: float) -> float:
        """Seconds of a place on the sheet, swing included."""
        pair = self.genre.swing_steps
        whole, inside = divmod(step, pair)
        half, late = pair / 2, self.swing * pair
        warped = (
            inside / half * late if inside < half else late + (inside / half - 1) * (pair - late)
        )
        return (bar * self.steps + whole * pair + warped) * self.step_s

    def chord_at(self, bar: int, step: float = 0) -> Chord:
        """The chord that sounds there; after the end, the last one."""
        half = min(2 * bar + int(step >= self.steps / 2), len(self.chord_symbols) - 1)
        return chord(self.chord_symbols[half], self.tonic)

    def passage(self, section: Section) -> Passage:
        """How this section is played."""
        return self.genre.passages[section.name]

    @property
    def key_classes(self) -> tuple[int, ...]:
        """The pitch classes of the key."""
        return tuple((self.tonic + step) % 12 for step in self.scale)

    @property
    def pentatonic(self) -> tuple[int, ...]:
        """Five notes of the key that agree with nearly every chord."""
        kind = "minor" if self.scale[2] == 3 else "major"
        return tuple((self.tonic + step) % 12 for step in PENTATONIC[kind])


def arrange(
    name: str, composer_style: ComposerStyle, rng: np.random.Generator, duration_s: float
) -> Arrangement:
    """Choose tempo, key and form so that the song ends where the tape does."""
    genre = GENRE_TABLE[name]
    slow, fast = genre.bpm
    place = np.clip(composer_style.tempo + rng.normal(0.0, 0.15), 0.0, 1.0)
    bpm, beats = float(slow + (fast - slow) * place), pick(rng, genre.meters)
    bpm, bars, has_ending = _fit_bars(bpm, beats, duration_s, float(rng.uniform(*FINAL_CHORD_S)))
    sections = _form(genre, bars)
    minor = SCALES[composer_style.scale][2] == 3
    harmony = {kind: _progression(rng, p, minor) for kind, p in genre.passages.items()}
    chord_symbols = [
        s for section in sections for s in _half_bars(harmony[section.name], section.bars)
    ]
    if has_ending:
        home = "i" if minor else "I"
        chord_symbols += [home, home]
    return Arrangement(
        genre=genre,
        composer_style=composer_style,
        bpm=bpm,
        swing=composer_style.swing,
        beats=beats,
        tonic=pick(rng, composer_style.tonics),
        scale=SCALES[composer_style.scale],
        sections=sections,
        grooves={
            kind: {voice: pick(rng, lines) for voice, lines in p.grooves.items()}
            for kind, p in genre.passages.items()
        },
        chord_symbols=chord_symbols,
        bars=bars,
        has_ending=has_ending,
        duration_s=duration_s,
    )


def _fit_bars(bpm: float, beats: int, duration_s: float, ring_s: float) -> tuple[float, int, bool]:
    """(bpm, bars, ends): whole bars and a last chord if a small stretch does it, else a fade."""
    bar_s = beats * 60.0 / bpm
    playing_s = duration_s - ring_s
    bars = max(1, round(playing_s / bar_s))
    stretch = bars * bar_s / playing_s if playing_s > 0 else 0.0
    if 1 / MAX_TEMPO_STRETCH <= stretch <= MAX_TEMPO_STRETCH and bars >= 4:
        return bpm * stretch, bars, True
    return bpm, math.ceil(duration_s / bar_s), False


def _form(genre: Genre, bars: int) -> list[Section]:
    """Fill the bars with sections of equal length; what is left over becomes the intro."""
    unit = 1
    while bars // unit > MAX_SECTIONS:
        unit *= 2
    count, intro = divmod(bars, unit)
    if intro == 0 and count >= MAX_SECTIONS - 1:
        count, intro = count - 1, unit
    names = (["intro"] if intro else []) + genre.forms[count].split()
    sections, first = [], 0
    for i, name in enumerate(names):
        length = intro if intro and i == 0 else unit
        last = i == len(names) - 1
        sections.append(Section(name, first, length, names[:i].count(name), last))
        first += length
    return sections


def _progression(rng: np.random.Generator, passage: Passage, minor: bool) -> list[str]:
    """Eight half bars, of the song's mode where the table has one."""
    fitting = [p for p in passage.progressions if bool(_MINOR.search(p)) == minor]
    bars = [bar.split() for bar in pick(rng, fitting or passage.progressions).split("|")]
    return [half for bar in bars for half in (bar[0], bar[-1])]


def _half_bars(progression: list[str], bars: int) -> list[str]:
    """The progression over `bars` bars: repeated in long sections, hurried in short ones."""
    if bars >= 4:
        return [progression[i % 8] for i in range(2 * bars)]
    if bars >= 2:
        return ([progression[i] for i in range(0, 8, 2)] * 2)[: 2 * bars]
    return [progression[0], progression[6]]
