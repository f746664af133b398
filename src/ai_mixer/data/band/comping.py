"""Accompaniment: one function per style, which adds the notes of one bar."""

from collections.abc import Callable

import numpy as np

from ai_mixer.data.band.arrangement import Arrangement
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section
from ai_mixer.data.band.theory import Chord, keys_in_range, lead_voices, nearest_key


class CompingState:
    """State of one accompanying player: the last voicing, and a pattern per passage."""

    def __init__(
        self, arrangement: Arrangement, part: Part, low: int, high: int, rng: np.random.Generator
    ) -> None:
        self.arrangement, self.part, self.rng = arrangement, part, rng
        self.low, self.high = low, high
        self.last_voicing: list[int] = []
        self.pattern_index = {
            kind: int(rng.integers(1 << 16)) for kind in arrangement.genre.passages
        }

    def next_voicing(self, chord: Chord, size: int = 4) -> list[int]:
        """Voicing of a chord with little movement from the last voicing."""
        self.last_voicing = lead_voices(chord.tones[:size], self.last_voicing, self.low, self.high)
        return self.last_voicing

    def add_note(self, bar: int, step: float, length: float, key: int, velocity: float) -> None:
        """Add a note; lengths are in sixteenths."""
        start = self.arrangement.seconds_at(bar, step)
        end = self.arrangement.seconds_at(bar, step + length)
        self.part.notes.append(Note(start, end - start, key, round(velocity)))

    def chords_of_bar(self, bar: int) -> list[tuple[int, int, Chord]]:
        """(step, length, chord) of the bar: one entry if both halves have the same chord."""
        half, steps = self.arrangement.steps // 2, self.arrangement.steps
        first, second = self.arrangement.chord_at(bar), self.arrangement.chord_at(bar, half)
        if first == second:
            return [(0, steps, first)]
        return [(0, half, first), (half, steps - half, second)]


Style = Callable[[CompingState, Section, int, float], None]


def other_parts(arrangement: Arrangement, rng: np.random.Generator) -> list[Part]:
    """Parts of the `other` stem."""
    parts = []
    for player, program in arrangement.composer_style.players:
        part = Part(player.name, "other", program, pan=player.pan, gain_db=player.gain_db)
        state = CompingState(arrangement, part, player.low, player.high, rng)
        for section in arrangement.sections:
            energy = arrangement.passage(section).energy
            if energy < player.min_energy:
                continue
            for bar in range(section.first_bar, section.first_bar + section.bars):
                STYLES[player.style](state, section, bar, energy)
        if arrangement.has_ending and part.notes:
            for key in state.next_voicing(arrangement.chord_at(arrangement.bars), 3):
                state.add_note(arrangement.bars, 0, 2 * arrangement.steps, key, 92)
        if part.notes:
            parts.append(part)
    return parts


def _pad(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Held chords."""
    for step, length, chord in state.chords_of_bar(bar):
        for key in state.next_voicing(chord):
            state.add_note(bar, step, length - 0.1, key, 66 + 24 * energy)


def _chords(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Piano: half notes when quiet, eighths with accents when loud; the root in the left hand."""
    for step, length, chord in state.chords_of_bar(bar):
        voicing = state.next_voicing(chord, 3)
        root = nearest_key(state.low - 6, keys_in_range((chord.root,), state.low - 12, state.low))
        state.add_note(bar, step, length - 0.3, root, 84)
        every = 2 if energy > 0.8 else 4 if energy > 0.45 else 8
        for onset in range(step, step + length, every):
            accent = 12 if onset % 8 == 0 else 4 if onset % 4 == 0 else -6
            for key in voicing:
                state.add_note(bar, onset, every * 0.9, key, 74 + 16 * energy + accent)


def _strum(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Acoustic guitar: down and up strokes, string by string."""
    pattern = ("D---D-U---U-D-U-", "D---D-U-D---D-U-", "D-DU-UDU--DU-UDU")[
        state.pattern_index[section.name] % 3
    ]
    for step, stroke in enumerate(pattern[: state.arrangement.steps]):
        if stroke == "-":
            continue
        voicing = state.next_voicing(state.arrangement.chord_at(bar, step), 4)
        rolled = voicing if stroke == "D" else voicing[::-1][:3]
        for i, key in enumerate(rolled):
            velocity = (90 if stroke == "D" else 74) + 10 * energy - 3 * i
            state.add_note(bar, step + 0.12 * i, 2.2, key, velocity)


def _power(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Distorted fifths: palm-muted eighths when quiet, ringing when loud."""
    for step, length, chord in state.chords_of_bar(bar):
        root = nearest_key(state.low + 5, keys_in_range((chord.root,), state.low, state.low + 12))
        keys = (root, root + 7, root + 12)
        if energy > 0.8:
            hits = [(step, 3), (step + 3, 3), (step + 6, 2)] if length == 8 else [(step, length)]
            if length > 8 and state.pattern_index[section.name] % 2:
                hits = [(step, 6), (step + 6, 2), (step + 8, 6), (step + 14, 2)]
            for onset, hold in hits:
                for key in keys:
                    state.add_note(bar, onset, hold * 0.95, key, 100)
        else:
            for onset in range(step, step + length, 2):
                loud = onset % 8 == 0
                for key in keys[: 3 if loud else 2]:
                    state.add_note(bar, onset, 1.7 if loud else 0.9, key, 94 if loud else 80)


def _arpeggio(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """The notes of the chord one after the other, in eighths."""
    orders = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (3, 2, 1, 0), (0, 2, 3, 1, 2, 3))
    order = orders[state.pattern_index[section.name] % 4]
    for i, step in enumerate(range(0, state.arrangement.steps, 2)):
        voicing = state.next_voicing(state.arrangement.chord_at(bar, step), 4)
        key = voicing[order[i % len(order)] % len(voicing)]
        state.add_note(bar, step, 3.2, key, 84 + (10 if step % 8 == 0 else 0))


def _sequence(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Synthesizer: sixteenths in groups of three or four."""
    for step in range(state.arrangement.steps):
        voicing = state.next_voicing(state.arrangement.chord_at(bar, step), 3)
        turn = (bar * state.arrangement.steps + step) % (
            3 if state.pattern_index[section.name] % 2 else 4
        )
        if energy < 0.65 and step % 2:
            continue
        key = (*voicing, voicing[0] + 12)[turn]
        swell = 10 * np.sin(2 * np.pi * (bar % 4 + step / 16) / 4)
        state.add_note(bar, step, 0.75, key, 84 + swell + (8 if step % 4 == 0 else 0))


def _stabs(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Short syncopated chords."""
    pattern = ((0, 3, 6, 10, 13), (2, 6, 10, 14), (0, 3, 8, 11))[
        state.pattern_index[section.name] % 3
    ]
    for step in pattern:
        for key in state.next_voicing(state.arrangement.chord_at(bar, step), 3):
            state.add_note(bar, step, 1.1, key, 92)


def _comp(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Jazz: rootless voicings in random rhythms."""
    rhythms = ((0, 6), (6, 14), (2, 10), (0, 6, 14), (4, 12), (6,), (10, 14), (0, 10))
    for step in pick(state.rng, rhythms):
        chord = state.arrangement.chord_at(bar, step)
        tones = chord.tones[1:] if len(chord.tones) > 3 else chord.tones
        long = state.rng.random() < 0.3
        for key in state.next_voicing(Chord(chord.root, tones), 4):
            state.add_note(bar, step, 5.0 if long else 1.3, key, 80 + state.rng.normal(0, 6))


def _chops(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Hip-hop: chords like a retriggered sample, in the same rhythm in every bar."""
    pattern = ((0, 7, 10), (0, 3, 10), (0, 6, 8, 14), (0, 11))[
        state.pattern_index[section.name] % 4
    ]
    for step, after in zip(pattern, (*pattern[1:], state.arrangement.steps), strict=True):
        for key in state.next_voicing(state.arrangement.chord_at(bar, step), 4):
            state.add_note(bar, step, (after - step) * 0.85, key, 92 if step == 0 else 82)


def _alberti(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Classical piano: low, high, middle, high."""
    for step in range(0, state.arrangement.steps, 2):
        voicing = state.next_voicing(state.arrangement.chord_at(bar, step), 3)
        key = voicing[(0, 2, 1, 2)[step // 2 % 4]]
        state.add_note(bar, step, 1.9, key, 66 + 18 * energy + (8 if step % 8 == 0 else 0))


def _lines(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """Strings: three or four voices with a crescendo and decrescendo over the section."""
    swell = 10 * np.sin(np.pi * (bar - section.first_bar) / max(4, section.bars))
    for step, length, chord in state.chords_of_bar(bar):
        for key in state.next_voicing(chord, 3 if energy < 0.5 else 4):
            state.add_note(bar, step, length - 0.2, key, 68 + 22 * energy + swell)


def _counter(state: CompingState, section: Section, bar: int, energy: float) -> None:
    """A quiet counter-melody in quarters: chord tones and steps of the key in turn."""
    for beat in range(state.arrangement.beats):
        chord = state.arrangement.chord_at(bar, 4 * beat)
        classes = chord.tones if beat % 2 == 0 else state.arrangement.key_classes
        last = state.last_voicing[0] if state.last_voicing else (state.low + state.high) // 2
        drift = pick(state.rng, (-2, -1, 1, 2))
        if not state.low + 4 < last < state.high - 4:
            drift = 3 if last < (state.low + state.high) / 2 else -3
        key = nearest_key(last + drift, keys_in_range(classes, state.low, state.high))
        state.last_voicing = [key]
        state.add_note(bar, 4 * beat, 3.8, key, 76)


STYLES: dict[str, Style] = {
    "pad": _pad,
    "chords": _chords,
    "strum": _strum,
    "power": _power,
    "arpeggio": _arpeggio,
    "sequence": _sequence,
    "stabs": _stabs,
    "comp": _comp,
    "chops": _chops,
    "alberti": _alberti,
    "lines": _lines,
    "counter": _counter,
}
