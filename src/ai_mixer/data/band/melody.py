"""Melody: themes of four motifs, each a rhythm with intervals.

Each kind of section has its theme; repetitions are varied by random ornaments.
"""

from dataclasses import dataclass

import numpy as np

from ai_mixer.data.band.arrangement import Arrangement
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section
from ai_mixer.data.band.theory import keys_in_range, nearest_key

PHRASE_FORMS = ("abac", "aabc", "abab", "aaba")
MAX_NOTE_STEPS = 12  # maximum length of a note in sixteenths


@dataclass(frozen=True)
class Motif:
    """One bar: onsets in sixteenths, and scale steps from each note to the next."""

    onsets: tuple[int, ...]
    moves: tuple[int, ...]


def lead_part(arrangement: Arrangement, rng: np.random.Generator) -> Part:
    """The part of the `vocals` stem."""
    lead = arrangement.genre.lead
    part = Part("lead", "vocals", pick(rng, arrangement.composer_style.lead_programs))
    themes = {kind: _theme(arrangement, rng) for kind in arrangement.genre.passages}
    for section in arrangement.sections:
        passage = arrangement.passage(section)
        if not passage.lead:
            continue
        theme = themes[section.name]
        if section.repetition and rng.random() < lead.improvise_probability:
            theme = _theme(arrangement, rng)
        center = (lead.low + lead.high) / 2 - 2 + passage.transpose_semitones
        _play_theme(arrangement, part, section, theme, center, rng)
    if arrangement.has_ending:
        last = part.notes[-1].key if part.notes else lead.low + 12
        key = nearest_key(last, keys_in_range((arrangement.tonic,), lead.low, lead.high))
        part.notes.append(
            Note(arrangement.seconds_at(arrangement.bars, 0), 1.4, key, 100, lead.vibrato_cents)
        )
    return part


def _theme(arrangement: Arrangement, rng: np.random.Generator) -> list[Motif]:
    """Draw the motifs of four bars, in one of PHRASE_FORMS."""
    motifs = {letter: _motif(arrangement, rng) for letter in "abc"}
    return [motifs[letter] for letter in pick(rng, PHRASE_FORMS)]


def _motif(arrangement: Arrangement, rng: np.random.Generator) -> Motif:
    lead = arrangement.genre.lead
    onsets = tuple(step for step in pick(rng, lead.cells) if step < arrangement.steps)
    moves = [int(rng.choice((-1, 1, -2, 2, 0), p=(0.34, 0.3, 0.14, 0.12, 0.1))) for _ in onsets]
    return Motif(onsets, tuple(m * 2 if rng.random() < lead.leap_probability else m for m in moves))


def _play_theme(
    arrangement: Arrangement,
    part: Part,
    section: Section,
    theme: list[Motif],
    center: float,
    rng: np.random.Generator,
) -> None:
    """Add the notes of a theme over a section's chords. center: key around which it moves."""
    lead, energy = arrangement.genre.lead, arrangement.passage(section).energy
    repeated = section.repetition > 0
    tones = arrangement.chord_at(section.first_bar).tones
    key = nearest_key(center, keys_in_range(tones, lead.low, lead.high))
    for i in range(section.bars):
        bar, motif = section.first_bar + i, theme[i % len(theme)]
        cadence = i % 4 == 3 or i == section.bars - 1
        onsets = motif.onsets[: max(2, len(motif.onsets) // 2)] if cadence else motif.onsets
        for j, onset in enumerate(onsets):
            step, after = onset, arrangement.steps + (0 if cadence else 1)
            after = onsets[j + 1] if j + 1 < len(onsets) else after
            strong = j == 0 or step % 8 == 0 or (cadence and j == len(onsets) - 1)
            move = motif.moves[j % len(motif.moves)]
            if abs(key - center) > 6:  # return towards the centre
                move = -abs(move) if key > center else abs(move)
            key = _next_key(arrangement, bar, step, key, move, strong)
            length = min(after - step, MAX_NOTE_STEPS) * lead.legato
            if repeated and length > 3 and rng.random() < 0.3:  # ornament before a long note
                ornament = _next_key(arrangement, bar, step, key, 1, False)
                _add_note(arrangement, part, bar, step, 0.9, ornament, 84)
                step, length = step + 1, length - 1
            velocity = 88 + 14 * energy + (6 if strong else 0) + (4 if j == 0 else 0)
            _add_note(arrangement, part, bar, step, length, key, velocity)


def _next_key(
    arrangement: Arrangement, bar: int, step: int, key: int, move: int, strong: bool
) -> int:
    """Move by `move` steps of the lead's pitch set; to a chord tone if the beat is strong."""
    lead, tones = arrangement.genre.lead, arrangement.chord_at(bar, step).tones
    classes = arrangement.key_classes
    if lead.pitch_set == "pentatonic":
        classes = arrangement.pentatonic
    elif lead.pitch_set == "chord-scale":  # without semitones next to chord tones
        consonant = (c for c in classes if all((c - t) % 12 not in (1, 11) for t in tones))
        classes = (*consonant, *tones)
    keys = keys_in_range(classes, lead.low, lead.high)
    index = keys.index(nearest_key(key, keys)) + move
    moved = keys[min(max(index, 0), len(keys) - 1)]
    return nearest_key(moved, keys_in_range(tones, lead.low, lead.high)) if strong else moved


def _add_note(
    arrangement: Arrangement,
    part: Part,
    bar: int,
    step: float,
    length: float,
    key: int,
    velocity: float,
) -> None:
    start = arrangement.seconds_at(bar, step)
    duration = arrangement.seconds_at(bar, step + length) - start
    vibrato = arrangement.genre.lead.vibrato_cents if duration > 0.35 else 0.0
    part.notes.append(Note(start, duration, key, round(velocity), vibrato))
