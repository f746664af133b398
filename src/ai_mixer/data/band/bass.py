"""The bass player: one function per style, each a bar at a time.

A style writes notes into the part; `_put` knows the range.
"""

from collections.abc import Callable

import numpy as np

from ai_mixer.data.band.arrangement import Plan
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section
from ai_mixer.data.band.theory import keys_of, nearest

Style = Callable[[Plan, Part, Section, int, np.random.Generator], None]


def bass_part(plan: Plan, rng: np.random.Generator) -> Part:
    """The whole `bass` stem."""
    part = Part("bass", "bass", plan.taste.bass_program)
    for section in plan.sections:
        for bar in range(section.first_bar, section.first_bar + section.bars):
            STYLES[plan.taste.bass_style](plan, part, section, bar, rng)
    if plan.ends:
        _put(plan, part, plan.bars, 0, 2 * plan.steps, plan.tonic, 105)
    return part


def _put(
    plan: Plan, part: Part, bar: int, step: float, length: float, pitch_class: int, velocity: float
) -> None:
    """Write a note at the key of that class nearest to the last one, inside the range."""
    low, high = plan.genre.bass_range
    target = (2 * part.notes[-1].key + low + 8) / 3 if part.notes else low + 8
    key = nearest(target, keys_of((pitch_class % 12,), low, high))
    start = plan.at(bar, step)
    duration = plan.at(bar, step + length) - start
    part.notes.append(Note(start, duration, key, round(velocity)))


def _kicks(plan: Plan, section: Section) -> list[int]:
    """Where the drummer's foot is in this passage."""
    line = plan.grooves[section.name].get("kick", "X-------X-------")
    return [step for step, stroke in enumerate(line[: plan.steps]) if stroke in "Xx"]


def _fifth(plan: Plan, bar: int, step: float) -> int:
    return plan.chord_at(bar, step).root + 7


def _driving(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Rock: root eighths, the last one leading on."""
    root_next = plan.chord_at(bar + 1).root
    for step in range(0, plan.steps, 2):
        root = plan.chord_at(bar, step).root
        if step == plan.steps - 2 and root_next != root and rng.random() < 0.6:
            root = root_next + pick(rng, (-1, 2, -2))
            root = min(plan.key_classes, key=lambda c: min((c - root) % 12, (root - c) % 12))
        _put(plan, part, bar, step, 1.8, root, 108 if step % 4 == 0 else 94)


def _locked(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """With the kick drum; the fifth answers before the bar line."""
    strokes = _kicks(plan, section)
    for step, after in zip(strokes, [*strokes[1:], plan.steps], strict=True):
        length = min(after - step, 6) * 0.92
        _put(plan, part, bar, step, length, plan.chord_at(bar, step).root, 106 - (step % 4) * 4)
    if rng.random() < 0.5 and (not strokes or strokes[-1] < plan.steps - 3):
        _put(plan, part, bar, plan.steps - 2, 1.6, _fifth(plan, bar, plan.steps - 2), 88)


def _melodic(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Pop: root, fifth and a scale step into the next chord."""
    half = plan.steps // 2
    _put(plan, part, bar, 0, half - 2.2, plan.chord_at(bar).root, 106)
    _put(plan, part, bar, half - 2, 1.8, _fifth(plan, bar, 0), 92)
    _put(plan, part, bar, half, half - 2.2, plan.chord_at(bar, half).root, 102)
    target = plan.chord_at(bar + 1).root
    steps = [c for c in plan.key_classes if (c - target) % 12 in (1, 2, 10, 11)]
    _put(plan, part, bar, plan.steps - 2, 1.8, pick(rng, steps) if steps else target, 92)


def _offbeat(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Electronic: between the kicks."""
    for step in range(2, plan.steps, 4):
        _put(plan, part, bar, step, 1.7, plan.chord_at(bar, step).root, 110)
        if step % 8 == 6 and plan.passage(section).energy > 0.8:
            _put(plan, part, bar, step + 1, 0.8, plan.chord_at(bar, step).root, 92)


def _rolling(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Electronic: three sixteenths after every kick."""
    for step in range(plan.steps):
        if step % 4:
            root = plan.chord_at(bar, step).root
            _put(plan, part, bar, step, 0.85, root, (0, 92, 108, 96)[step % 4])


def _walking(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Jazz: root, chord or scale tones in one direction, a semitone or step into the next root."""
    low, high = plan.genre.bass_range
    for beat in range(plan.beats):
        step, sound = 4 * beat, plan.chord_at(bar, 4 * beat)
        ahead = plan.chord_at(bar, step + 4) if beat < plan.beats - 1 else plan.chord_at(bar + 1)
        fresh = beat == 0 or plan.chord_at(bar, step - 4) != sound
        if fresh:
            pitch = sound.root
        elif ahead != sound or beat == plan.beats - 1:
            pitch = ahead.root + pick(rng, (1, -1, 2, -2, 7))
        else:
            last = part.notes[-1].key
            up = last < (low + high) / 2
            choices = [k for k in keys_of(sound.tones, low, high) if (k > last) == up and k != last]
            pitch = nearest(last, choices) if choices else sound.root
        _put(plan, part, bar, step, 3.7, pitch, 100 + 6 * (beat % 2))
        if rng.random() < 0.08:
            _put(plan, part, bar, step + 2, 1.2, pitch, 74)  # a skip


def _sub(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Hip-hop: long low notes on the kick."""
    strokes = _kicks(plan, section)
    for step, after in zip(strokes, [*strokes[1:], plan.steps], strict=True):
        if after - step < 2 and step:
            continue
        _put(plan, part, bar, step, (after - step) * 0.96, plan.chord_at(bar, step).root, 108)


def _arco(plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator) -> None:
    """Classical, bowed: a note per half bar, stepping between them now and then."""
    half = plan.steps // 2
    if plan.chord_at(bar) == plan.chord_at(bar, half) and rng.random() < 0.4:
        _put(plan, part, bar, 0, plan.steps - 0.5, plan.chord_at(bar).root, 92)
        return
    _put(plan, part, bar, 0, half - 0.4, plan.chord_at(bar).root, 94)
    tones = plan.chord_at(bar, half).tones
    pitch = tones[0] if plan.chord_at(bar) != plan.chord_at(bar, half) else pick(rng, tones[1:3])
    _put(plan, part, bar, half, half - 0.4, pitch, 86)


def _pizzicato(
    plan: Plan, part: Part, section: Section, bar: int, rng: np.random.Generator
) -> None:
    """Classical, plucked: short quarters, root then chord tones."""
    for beat in range(plan.beats):
        tones = plan.chord_at(bar, 4 * beat).tones
        pitch = tones[0] if beat % 2 == 0 else pick(rng, tones[1:3])
        _put(plan, part, bar, 4 * beat, 1.6, pitch, 98 if beat == 0 else 84)


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
