"""Who accompanies: guitars, keys and strings, one function per style, each a bar at a time."""

from collections.abc import Callable

import numpy as np

from ai_mixer.data.band.arrangement import Arrangement
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section
from ai_mixer.data.band.theory import Chord, keys_in_range, lead_voices, nearest_key


class CompingState:
    """A player in the middle of a song: where the hands are, and habits that stay."""

    def __init__(
        self, arrangement: Arrangement, part: Part, low: int, high: int, rng: np.random.Generator
    ) -> None:
        self.arrangement, self.part, self.low, self.high, self.rng = (
            arrangement,
            part,
            low,
            high,
            rng,
        )
        self.last_voicing: list[int] = []
        self.pattern_index = {
            kind: int(rng.integers(1 << 16)) for kind in arrangement.genre.passages
        }

    def next_voicing(self, sound: Chord, size: int = 4) -> list[int]:
        """The next voicing, led from the last one."""
        self.last_voicing = lead_voices(sound.tones[:size], self.last_voicing, self.low, self.high)
        return self.last_voicing

    def add_note(self, bar: int, step: float, length: float, key: int, velocity: float) -> None:
        """Write one note; lengths are in sixteenths."""
        start = self.arrangement.seconds_at(bar, step)
        end = self.arrangement.seconds_at(bar, step + length)
        self.part.notes.append(Note(start, end - start, key, round(velocity)))

    def chords_of_bar(self, bar: int) -> list[tuple[int, int, Chord]]:
        """(step, length, chord) of the bar: one entry if the chord stays."""
        half, steps = self.arrangement.steps // 2, self.arrangement.steps
        first, second = self.arrangement.chord_at(bar), self.arrangement.chord_at(bar, half)
        if first == second:
            return [(0, steps, first)]
        return [(0, half, first), (half, steps - half, second)]


Style = Callable[[CompingState, Section, int, float], None]


def other_parts(arrangement: Arrangement, rng: np.random.Generator) -> list[Part]:
    """All parts of the `other` stem."""
    parts = []
    for player, program in arrangement.composer_style.players:
        part = Part(player.name, "other", program, pan=player.pan, gain_db=player.gain_db)
        chair = CompingState(arrangement, part, player.low, player.high, rng)
        for section in arrangement.sections:
            energy = arrangement.passage(section).energy
            if energy < player.min_energy:
                continue
            for bar in range(section.first_bar, section.first_bar + section.bars):
                STYLES[player.style](chair, section, bar, energy)
        if arrangement.has_ending and part.notes:
            for key in chair.next_voicing(arrangement.chord_at(arrangement.bars), 3):
                chair.add_note(arrangement.bars, 0, 2 * arrangement.steps, key, 92)
        if part.notes:
            parts.append(part)
    return parts


def _pad(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Held chords."""
    for step, length, sound in chair.chords_of_bar(bar):
        for key in chair.next_voicing(sound):
            chair.add_note(bar, step, length - 0.1, key, 66 + 24 * energy)


def _chords(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Piano: halves when quiet, eighths with accents when loud; left hand on the root."""
    for step, length, sound in chair.chords_of_bar(bar):
        next_voicing = chair.next_voicing(sound, 3)
        root = nearest_key(chair.low - 6, keys_in_range((sound.root,), chair.low - 12, chair.low))
        chair.add_note(bar, step, length - 0.3, root, 84)
        every = 2 if energy > 0.8 else 4 if energy > 0.45 else 8
        for seconds_at in range(step, step + length, every):
            accent = 12 if seconds_at % 8 == 0 else 4 if seconds_at % 4 == 0 else -6
            for key in next_voicing:
                chair.add_note(bar, seconds_at, every * 0.9, key, 74 + 16 * energy + accent)


def _strum(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Acoustic guitar: down and up strokes rolling over the strings."""
    pattern = ("D---D-U---U-D-U-", "D---D-U-D---D-U-", "D-DU-UDU--DU-UDU")[
        chair.pattern_index[section.name] % 3
    ]
    for step, stroke in enumerate(pattern[: chair.arrangement.steps]):
        if stroke == "-":
            continue
        next_voicing = chair.next_voicing(chair.arrangement.chord_at(bar, step), 4)
        rolled = next_voicing if stroke == "D" else next_voicing[::-1][:3]
        for i, key in enumerate(rolled):
            velocity = (90 if stroke == "D" else 74) + 10 * energy - 3 * i
            chair.add_note(bar, step + 0.12 * i, 2.2, key, velocity)


def _power(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Distorted fifths: palm-muted eighths when quiet, ringing when loud."""
    for step, length, sound in chair.chords_of_bar(bar):
        root = nearest_key(chair.low + 5, keys_in_range((sound.root,), chair.low, chair.low + 12))
        keys = (root, root + 7, root + 12)
        if energy > 0.8:
            hits = [(step, 3), (step + 3, 3), (step + 6, 2)] if length == 8 else [(step, length)]
            if length > 8 and chair.pattern_index[section.name] % 2:
                hits = [(step, 6), (step + 6, 2), (step + 8, 6), (step + 14, 2)]
            for seconds_at, held in hits:
                for key in keys:
                    chair.add_note(bar, seconds_at, held * 0.95, key, 100)
        else:
            for seconds_at in range(step, step + length, 2):
                loud = seconds_at % 8 == 0
                for key in keys[: 3 if loud else 2]:
                    chair.add_note(bar, seconds_at, 1.7 if loud else 0.9, key, 94 if loud else 80)


def _arpeggio(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """The chord, note by note."""
    orders = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (3, 2, 1, 0), (0, 2, 3, 1, 2, 3))
    order = orders[chair.pattern_index[section.name] % 4]
    for i, step in enumerate(range(0, chair.arrangement.steps, 2)):
        next_voicing = chair.next_voicing(chair.arrangement.chord_at(bar, step), 4)
        key = next_voicing[order[i % len(order)] % len(next_voicing)]
        chair.add_note(bar, step, 3.2, key, 84 + (10 if step % 8 == 0 else 0))


def _sequence(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Synthesizer sixteenths in groups of three against the beat."""
    for step in range(chair.arrangement.steps):
        next_voicing = chair.next_voicing(chair.arrangement.chord_at(bar, step), 3)
        turn = (bar * chair.arrangement.steps + step) % (
            3 if chair.pattern_index[section.name] % 2 else 4
        )
        if energy < 0.65 and step % 2:
            continue
        key = (*next_voicing, next_voicing[0] + 12)[turn]
        swell = 10 * np.sin(2 * np.pi * (bar % 4 + step / 16) / 4)
        chair.add_note(bar, step, 0.75, key, 84 + swell + (8 if step % 4 == 0 else 0))


def _stabs(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Short chords off the beat."""
    pattern = ((0, 3, 6, 10, 13), (2, 6, 10, 14), (0, 3, 8, 11))[
        chair.pattern_index[section.name] % 3
    ]
    for step in pattern:
        for key in chair.next_voicing(chair.arrangement.chord_at(bar, step), 3):
            chair.add_note(bar, step, 1.1, key, 92)


def _comp(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Jazz: rootless shells in broken rhythms, never the same bar twice."""
    rhythms = ((0, 6), (6, 14), (2, 10), (0, 6, 14), (4, 12), (6,), (10, 14), (0, 10))
    for step in pick(chair.rng, rhythms):
        sound = chair.arrangement.chord_at(bar, step)
        tones = sound.tones[1:] if len(sound.tones) > 3 else sound.tones
        long = chair.rng.random() < 0.3
        for key in chair.next_voicing(Chord(sound.root, tones), 4):
            chair.add_note(bar, step, 5.0 if long else 1.3, key, 80 + chair.rng.normal(0, 6))


def _chops(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Hip-hop: a sampled chord, retriggered the same way each time round."""
    pattern = ((0, 7, 10), (0, 3, 10), (0, 6, 8, 14), (0, 11))[
        chair.pattern_index[section.name] % 4
    ]
    for step, after in zip(pattern, (*pattern[1:], chair.arrangement.steps), strict=True):
        for key in chair.next_voicing(chair.arrangement.chord_at(bar, step), 4):
            chair.add_note(bar, step, (after - step) * 0.85, key, 92 if step == 0 else 82)


def _alberti(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Classical piano: low, high, middle, high."""
    for step in range(0, chair.arrangement.steps, 2):
        next_voicing = chair.next_voicing(chair.arrangement.chord_at(bar, step), 3)
        key = next_voicing[(0, 2, 1, 2)[step // 2 % 4]]
        chair.add_note(bar, step, 1.9, key, 66 + 18 * energy + (8 if step % 8 == 0 else 0))


def _lines(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """Strings: three or four voices led smoothly, swelling over four bars."""
    swell = 10 * np.sin(np.pi * (bar - section.first_bar) / max(4, section.bars))
    for step, length, sound in chair.chords_of_bar(bar):
        for key in chair.next_voicing(sound, 3 if energy < 0.5 else 4):
            chair.add_note(bar, step, length - 0.2, key, 68 + 22 * energy + swell)


def _counter(chair: CompingState, section: Section, bar: int, energy: float) -> None:
    """A quiet answer in quarters: steps of the key between chord tones."""
    for beat in range(chair.arrangement.beats):
        sound = chair.arrangement.chord_at(bar, 4 * beat)
        classes = sound.tones if beat % 2 == 0 else chair.arrangement.key_classes
        last = chair.last_voicing[0] if chair.last_voicing else (chair.low + chair.high) // 2
        drift = pick(chair.rng, (-2, -1, 1, 2))
        if not chair.low + 4 < last < chair.high - 4:
            drift = 3 if last < (chair.low + chair.high) / 2 else -3
        key = nearest_key(last + drift, keys_in_range(classes, chair.low, chair.high))
        chair.last_voicing = [key]
        chair.add_note(bar, 4 * beat, 3.8, key, 76)


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
