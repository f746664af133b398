"""Arrangement of a song: tempo, key, form, and the chord of every half bar."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ai_mixer.data.band.composer_style import ComposerStyle, pick
from ai_mixer.data.band.genres import GENRE_TABLE, Genre, Passage
from ai_mixer.data.band.score import Section
from ai_mixer.data.band.theory import PENTATONIC, SCALES, Chord, chord

FINAL_CHORD_S = (1.2, 2.8)  # range of the length of the last chord
MAX_TEMPO_STRETCH = 1.06  # maximum change of tempo to fit whole bars into the duration
MAX_SECTIONS = 5
_MINOR = re.compile(r"(?:^|[ |])(?:i(?![iv])|iv|v(?!i)|bIII|bVI(?!I))")


@dataclass(frozen=True)
class Arrangement:
    """What all parts of a song share. Bars and half bars count from 0."""

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
    has_ending: bool  # a final chord follows the last bar; otherwise the song is faded out
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
        """Time in seconds of a step of a bar, with swing."""
        pair = self.genre.swing_steps
        pairs, position = divmod(step, pair)
        half, second = pair / 2, self.swing * pair  # where the second note is and sounds
        if position < half:
            swung = position / half * second
        else:
            swung = second + (position / half - 1) * (pair - second)
        return (bar * self.steps + pairs * pair + swung) * self.step_s

    def chord_at(self, bar: int, step: float = 0) -> Chord:
        """Chord at a step of a bar; after the end, the last one."""
        half = min(2 * bar + int(step >= self.steps / 2), len(self.chord_symbols) - 1)
        return chord(self.chord_symbols[half], self.tonic)

    def passage(self, section: Section) -> Passage:
        """The genre's passage of a section."""
        return self.genre.passages[section.name]

    @property
    def key_classes(self) -> tuple[int, ...]:
        """Pitch classes of the key."""
        return tuple((self.tonic + step) % 12 for step in self.scale)

    @property
    def pentatonic(self) -> tuple[int, ...]:
        """Pitch classes of the pentatonic scale of the key, consonant with nearly every chord."""
        kind = "minor" if self.scale[2] == 3 else "major"
        return tuple((self.tonic + step) % 12 for step in PENTATONIC[kind])


def arrange(
    name: str, composer_style: ComposerStyle, rng: np.random.Generator, duration_s: float
) -> Arrangement:
    """Draw tempo, key, form and harmony of a song that lasts `duration_s`."""
    genre = GENRE_TABLE[name]
    slow, fast = genre.bpm
    tempo = np.clip(composer_style.tempo + rng.normal(0.0, 0.15), 0.0, 1.0)
    bpm, beats = float(slow + (fast - slow) * tempo), pick(rng, genre.meters)
    bpm, bars, has_ending = _fit_bars(bpm, beats, duration_s, float(rng.uniform(*FINAL_CHORD_S)))
    sections = _form(genre, bars)
    minor = SCALES[composer_style.scale][2] == 3
    harmony = {kind: _progression(rng, p, minor) for kind, p in genre.passages.items()}
    chord_symbols = [
        s for section in sections for s in _half_bars(harmony[section.name], section.bars)
    ]
    if has_ending:
        chord_symbols += 2 * ["i" if minor else "I"]
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


def _fit_bars(
    bpm: float, beats: int, duration_s: float, final_chord_s: float
) -> tuple[float, int, bool]:
    """(bpm, bars, has_ending): whole bars and a final chord if the tempo changes little."""
    bar_s = beats * 60.0 / bpm
    bars_s = duration_s - final_chord_s
    bars = max(1, round(bars_s / bar_s))
    stretch = bars * bar_s / bars_s if bars_s > 0 else 0.0
    if 1 / MAX_TEMPO_STRETCH <= stretch <= MAX_TEMPO_STRETCH and bars >= 4:
        return bpm * stretch, bars, True
    return bpm, math.ceil(duration_s / bar_s), False


def _form(genre: Genre, bars: int) -> list[Section]:
    """Divide the bars into sections of equal length; remaining bars become the intro."""
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
    """Chords of eight half bars, in the song's mode if the passage has a progression in it."""
    in_mode = [p for p in passage.progressions if bool(_MINOR.search(p)) == minor]
    bars = [bar.split() for bar in pick(rng, in_mode or passage.progressions).split("|")]
    return [half for bar in bars for half in (bar[0], bar[-1])]


def _half_bars(progression: list[str], bars: int) -> list[str]:
    """Chords of `bars` bars: the progression, repeated or shortened."""
    if bars >= 4:
        return [progression[i % 8] for i in range(2 * bars)]
    if bars >= 2:
        return ([progression[i] for i in range(0, 8, 2)] * 2)[: 2 * bars]
    return [progression[0], progression[6]]
