"""Bass part: one function per style, which adds the notes of one bar."""

from collections.abc import Callable

import numpy as np

from ai_mixer.data.band.arrangement import Arrangement
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section
from ai_mixer.data.band.theory import keys_in_range, nearest_key

Style = Callable[[Arrangement, Part, Section, int, np.random.Generator], None]


def bass_part(arrangement: Arrangement, rng: np.random.Generator) -> Part:
    """The part of the `bass` stem."""
    part = Part("bass", "bass", arrangement.composer_style.bass_program)
    add_bar = STYLES[arrangement.composer_style.bass_style]
    for section in arrangement.sections:
        for bar in range(section.first_bar, section.first_bar + section.bars):
            add_bar(arrangement, part, section, bar, rng)
    if arrangement.has_ending:
        length = 2 * arrangement.steps
        _add_note(arrangement, part, arrangement.bars, 0, length, arrangement.tonic, 105)
    return part


def _add_note(
    arrangement: Arrangement,
    part: Part,
    bar: int,
    step: float,
    length: float,
    pitch_class: int,
    velocity: float,
) -> None:
    """Add a note of a pitch class, at the key in the genre's range nearest to the last note."""
    low, high = arrangement.genre.bass_range
    target = (2 * part.notes[-1].key + low + 8) / 3 if part.notes else low + 8
    key = nearest_key(target, keys_in_range((pitch_class % 12,), low, high))
    start = arrangement.seconds_at(bar, step)
    duration = arrangement.seconds_at(bar, step + length) - start
    part.notes.append(Note(start, duration, key, round(velocity)))


def _kick_steps(arrangement: Arrangement, section: Section) -> list[int]:
    """Steps of the kick drum in the section's groove."""
    line = arrangement.grooves[section.name].get("kick", "X-------X-------")
    return [step for step, stroke in enumerate(line[: arrangement.steps]) if stroke in "Xx"]


def _fifth(arrangement: Arrangement, bar: int, step: float) -> int:
    return arrangement.chord_at(bar, step).root + 7


def _driving(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Rock: roots in eighths; the last one may lead to the next root."""
    root_next = arrangement.chord_at(bar + 1).root
    for step in range(0, arrangement.steps, 2):
        root = arrangement.chord_at(bar, step).root
        if step == arrangement.steps - 2 and root_next != root and rng.random() < 0.6:
            root = root_next + pick(rng, (-1, 2, -2))
            root = min(arrangement.key_classes, key=lambda c: min((c - root) % 12, (root - c) % 12))
        _add_note(arrangement, part, bar, step, 1.8, root, 108 if step % 4 == 0 else 94)


def _locked(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Roots with the kick drum, and sometimes a fifth at the end of the bar."""
    strokes = _kick_steps(arrangement, section)
    for step, after in zip(strokes, [*strokes[1:], arrangement.steps], strict=True):
        length, root = min(after - step, 6) * 0.92, arrangement.chord_at(bar, step).root
        _add_note(arrangement, part, bar, step, length, root, 106 - (step % 4) * 4)
    if rng.random() < 0.5 and (not strokes or strokes[-1] < arrangement.steps - 3):
        step = arrangement.steps - 2
        _add_note(arrangement, part, bar, step, 1.6, _fifth(arrangement, bar, step), 88)


def _melodic(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Pop: root, fifth and a scale step into the next chord."""
    half = arrangement.steps // 2
    _add_note(arrangement, part, bar, 0, half - 2.2, arrangement.chord_at(bar).root, 106)
    _add_note(arrangement, part, bar, half - 2, 1.8, _fifth(arrangement, bar, 0), 92)
    _add_note(arrangement, part, bar, half, half - 2.2, arrangement.chord_at(bar, half).root, 102)
    target = arrangement.chord_at(bar + 1).root
    neighbours = [c for c in arrangement.key_classes if (c - target) % 12 in (1, 2, 10, 11)]
    pitch = pick(rng, neighbours) if neighbours else target
    _add_note(arrangement, part, bar, arrangement.steps - 2, 1.8, pitch, 92)


def _offbeat(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Electronic: roots between the beats."""
    for step in range(2, arrangement.steps, 4):
        root = arrangement.chord_at(bar, step).root
        _add_note(arrangement, part, bar, step, 1.7, root, 110)
        if step % 8 == 6 and arrangement.passage(section).energy > 0.8:
            _add_note(arrangement, part, bar, step + 1, 0.8, root, 92)


def _rolling(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Electronic: three sixteenths after every beat."""
    for step in range(arrangement.steps):
        if step % 4:
            root = arrangement.chord_at(bar, step).root
            _add_note(arrangement, part, bar, step, 0.85, root, (0, 92, 108, 96)[step % 4])


def _walking(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Jazz: the root, chord tones in one direction, and an approach note to the next root."""
    low, high = arrangement.genre.bass_range
    for beat in range(arrangement.beats):
        step, last_beat = 4 * beat, beat == arrangement.beats - 1
        chord = arrangement.chord_at(bar, step)
        following = arrangement.chord_at(*((bar + 1, 0) if last_beat else (bar, step + 4)))
        if beat == 0 or arrangement.chord_at(bar, step - 4) != chord:
            pitch = chord.root
        elif following != chord or last_beat:
            pitch = following.root + pick(rng, (1, -1, 2, -2, 7))
        else:
            previous = part.notes[-1].key
            up = previous < (low + high) / 2
            keys = keys_in_range(chord.tones, low, high)
            choices = [key for key in keys if (key > previous) == up and key != previous]
            pitch = nearest_key(previous, choices) if choices else chord.root
        _add_note(arrangement, part, bar, step, 3.7, pitch, 100 + 6 * (beat % 2))
        if rng.random() < 0.08:
            _add_note(arrangement, part, bar, step + 2, 1.2, pitch, 74)


def _sub(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Hip-hop: long low notes on the kick."""
    strokes = _kick_steps(arrangement, section)
    for step, after in zip(strokes, [*strokes[1:], arrangement.steps], strict=True):
        if after - step < 2 and step:
            continue
        root = arrangement.chord_at(bar, step).root
        _add_note(arrangement, part, bar, step, (after - step) * 0.96, root, 108)


def _arco(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Classical, bowed: one or two notes per bar."""
    half = arrangement.steps // 2
    first, second = arrangement.chord_at(bar), arrangement.chord_at(bar, half)
    if first == second and rng.random() < 0.4:
        _add_note(arrangement, part, bar, 0, arrangement.steps - 0.5, first.root, 92)
        return
    _add_note(arrangement, part, bar, 0, half - 0.4, first.root, 94)
    pitch = second.root if first != second else pick(rng, second.tones[1:3])
    _add_note(arrangement, part, bar, half, half - 0.4, pitch, 86)


def _pizzicato(
    arrangement: Arrangement, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Classical, plucked: short quarters, roots and chord tones in turn."""
    for beat in range(arrangement.beats):
        tones = arrangement.chord_at(bar, 4 * beat).tones
        pitch = tones[0] if beat % 2 == 0 else pick(rng, tones[1:3])
        _add_note(arrangement, part, bar, 4 * beat, 1.6, pitch, 98 if beat == 0 else 84)


STYLES: dict[str, Style] = {
    "driving": _driving,
    "locked": _locked,
    "melodic": _melodic,
    "offbeat": _offbeat,
    "rolling": _rolling,
    "walking": _walking,
    "sub": _sub,
    "arco": _arco,
    "pizzicato": _pizzicato,
}
