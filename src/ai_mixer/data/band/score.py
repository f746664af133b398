"""What is written on the sheet: notes, parts and sections. Times in seconds, keys in MIDI."""

from dataclasses import dataclass, field
from typing import NamedTuple

STEMS = ("drums", "bass", "vocals", "other")
"""`vocals` is the lead, played by an instrument: the band has nobody who sings words."""


class Note(NamedTuple):
    """One key: velocity 1–127; `vibrato_cents` is the depth a long note swells to."""

    start_s: float
    duration_s: float
    key: int
    velocity: int
    vibrato_cents: float = 0.0


@dataclass
class Part:
    """The notes of one player. `program` is General MIDI, 0–127; `pan` −1 (left) to 1 (right)."""

    name: str
    stem: str
    program: int
    notes: list[Note] = field(default_factory=list)
    pan: float = 0.0
    gain_db: float = 0.0
    drums: bool = False


@dataclass(frozen=True)
class Section:
    """A stretch of the form: equal names share their material."""

    name: str
    first_bar: int
    bars: int
    repetition: int  # how often the name was heard before
    last: bool


@dataclass
class Score:
    """A song on paper. `tonic` is a pitch class, `scale` its steps in semitones."""

    genre: str
    bpm: float
    beats_per_bar: int
    tonic: int
    scale: tuple[int, ...]
    sections: list[Section]
    chords: list[str]  # one per half bar
    parts: list[Part]
    duration_s: float
