"""Score of a song: notes, parts and sections. Times in seconds, keys in MIDI."""

from dataclasses import dataclass, field
from typing import NamedTuple

STEMS = ("drums", "bass", "vocals", "other")
"""`vocals` is the lead, which is played by an instrument."""


class Note(NamedTuple):
    """One note. velocity: 1–127. vibrato_cents: final depth of the vibrato of a long note."""

    start_s: float
    duration_s: float
    key: int
    velocity: int
    vibrato_cents: float = 0.0


@dataclass
class Part:
    """Notes of one instrument. program: General MIDI, 0–127. pan: −1 (left) to 1 (right)."""

    name: str
    stem: str
    program: int
    notes: list[Note] = field(default_factory=list)
    pan: float = 0.0
    gain_db: float = 0.0
    drums: bool = False


@dataclass(frozen=True)
class Section:
    """A section of the form; sections of the same name share their material."""

    name: str
    first_bar: int
    bars: int
    repetition: int  # number of earlier sections of the same name
    last: bool


@dataclass
class Score:
    """Score of a song. tonic: pitch class. scale: its steps in semitones."""

    genre: str
    bpm: float
    beats_per_bar: int
    tonic: int
    scale: tuple[int, ...]
    sections: list[Section]
    chords: list[str]  # one per half bar
    parts: list[Part]
    duration_s: float
