"""The lead: motifs of rhythm and intervals, phrases that answer, choruses that climb.

A theme belongs to a kind of section and comes back with it; every return is ornamented afresh.
"""

from dataclasses import dataclass

import numpy as np

from ai_mixer.data.band.arrangement import Plan
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section
from ai_mixer.data.band.theory import keys_of, nearest

PLANS = ("abac", "aabc", "abab", "aaba")
LONGEST = 12  # sixteenths a note is held at most


@dataclass(frozen=True)
class Motif:
    """A bar's worth: onsets in sixteenths, and scale steps from each note to the next."""

    onsets: tuple[int, ...]
    moves: tuple[int, ...]


def lead_part(plan: Plan, rng: np.random.Generator) -> Part:
    """The whole `vocals` stem."""
    lead = plan.genre.lead
    part = Part("lead", "vocals", pick(rng, plan.taste.lead_programs))
    themes = {kind: _theme(plan, rng) for kind in plan.genre.passages}
    for section in plan.sections:
        passage = plan.passage(section)
        if not passage.lead:
            continue
        theme = themes[section.name]
        if section.turn and rng.random() < lead.improvises:
            theme = _theme(plan, rng)
        center = (lead.low + lead.high) / 2 - 2 + passage.lift
        _sing(plan, part, section, theme, center, rng)
    if plan.ends:
        last = part.notes[-1].key if part.notes else lead.low + 12
        key = nearest(last, keys_of((plan.tonic,), lead.low, lead.high))
        part.notes.append(Note(plan.at(plan.bars, 0), 1.4, key, 100, lead.vibrato_cents))
    return part


def _theme(plan: Plan, rng: np.random.Generator) -> list[Motif]:
    """Four bars: a motif, its answer, and what the plan of the phrase makes of them."""
    motifs = {letter: _motif(plan, rng) for letter in "abc"}
    return [motifs[letter] for letter in pick(rng, PLANS)]


def _motif(plan: Plan, rng: np.random.Generator) -> Motif:
    lead = plan.genre.lead
    onsets = tuple(step for step in pick(rng, lead.cells) if step < plan.steps)
    moves = [int(rng.choice((-1, 1, -2, 2, 0), p=(0.34, 0.3, 0.14, 0.12, 0.1))) for _ in onsets]
    return Motif(onsets, tuple(m * 2 if rng.random() < lead.leap else m for m in moves))


def _sing(
    plan: Plan,
    part: Part,
    section: Section,
    theme: list[Motif],
    center: float,
    rng: np.random.Generator,
) -> None:
    """Play a theme over a section's chords."""
    lead, energy, fresh = plan.genre.lead, plan.passage(section).energy, section.turn == 0
    key = nearest(center, keys_of(plan.chord_at(section.first_bar).tones, lead.low, lead.high))
    for i in range(section.bars):
        bar, motif = section.first_bar + i, theme[i % len(theme)]
        cadence = i % 4 == 3 or i == section.bars - 1
        onsets = motif.onsets[: max(2, len(motif.onsets) // 2)] if cadence else motif.onsets
        for j, onset in enumerate(onsets):
            step, after = onset, plan.steps + (0 if cadence else 1)
            after = onsets[j + 1] if j + 1 < len(onsets) else after
            strong = j == 0 or step % 8 == 0 or (cadence and j == len(onsets) - 1)
            move = motif.moves[j % len(motif.moves)]
            if abs(key - center) > 6:  # come home
                move = -abs(move) if key > center else abs(move)
            key = _step(plan, bar, step, key, move, strong)
            length = min(after - step, LONGEST) * lead.legato
            if not fresh and length > 3 and rng.random() < 0.3:  # a turn before a long note
                _write(plan, part, bar, step, 0.9, _step(plan, bar, step, key, 1, False), 84)
                step, length = step + 1, length - 1
            velocity = 88 + 14 * energy + (6 if strong else 0) + (4 if j == 0 else 0)
            _write(plan, part, bar, step, length, key, velocity)


def _step(plan: Plan, bar: int, step: int, key: int, move: int, strong: bool) -> int:
    """Move by steps of the ladder; land on a chord tone where the beat is strong."""
    lead, sound = plan.genre.lead, plan.chord_at(bar, step)
    classes = {
        "scale": plan.key_classes,
        "pentatonic": plan.pentatonic,
        "chord-scale": tuple(
            c for c in plan.key_classes if all((c - t) % 12 not in (1, 11) for t in sound.tones)
        )
        + sound.tones,
    }[lead.ladder]
    ladder = keys_of(classes, lead.low, lead.high)
    place = ladder.index(nearest(key, ladder)) + move
    reached = ladder[min(max(place, 0), len(ladder) - 1)]
    return nearest(reached, keys_of(sound.tones, lead.low, lead.high)) if strong else reached


def _write(
    plan: Plan, part: Part, bar: int, step: float, length: float, key: int, velocity: float
) -> None:
    start = plan.at(bar, step)
    duration = plan.at(bar, step + length) - start
    vibrato = plan.genre.lead.vibrato_cents if duration > 0.35 else 0.0
    part.notes.append(Note(start, duration, key, round(velocity), vibrato))
