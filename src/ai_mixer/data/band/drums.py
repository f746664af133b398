"""Drum parts: grooves, crashes at the start of sections and fills at their end."""

import numpy as np

from ai_mixer.data.band.arrangement import Arrangement
from ai_mixer.data.band.composer_style import pick
from ai_mixer.data.band.score import Note, Part, Section

TIMPANI = 47
STRENGTH = {"X": 120, "x": 100, "o": 78, ".": 50}
# Voice → (keys, part); keys alternate.
VOICES = {
    "kick": ((36,), "kick"),
    "snare": ((38,), "snare"),
    "roll": ((38,), "snare"),
    "rim": ((37,), "snare"),
    "clap": ((39,), "clap"),
    "hat": ((42,), "hats"),
    "open": ((46,), "hats"),
    "pedal": ((44,), "hats"),
    "ride": ((51,), "cymbals"),
    "cymbal": ((49,), "cymbals"),
    "crash": ((49, 57), "cymbals"),
    "tom": ((50, 47, 43), "toms"),
    "tambourine": ((54,), "percussion"),
    "shaker": ((70,), "percussion"),
    "triangle": ((81,), "percussion"),
}
# Part → (pan from the audience's perspective, level of a full stroke in dB).
PARTS = {
    "kick": (0.0, -3.0),
    "snare": (0.05, -5.0),
    "clap": (-0.05, -10.0),
    "hats": (0.3, -15.0),
    "cymbals": (-0.3, -13.0),
    "toms": (-0.15, -7.0),
    "percussion": (0.5, -16.0),
}
FILLS = (
    {"snare": "------------xxXx"},
    {"snare": "----------o-x-Xx", "tom": "------------x-x-"},
    {"tom": "--------x-x-xxxx"},
    {"snare": "--------x-x-----", "tom": "------------xxxx"},
    {"snare": "--------..ooxxXX"},
    {"kick": "--------X-------", "snare": "----------x--x-X"},
)


def drum_parts(arrangement: Arrangement, rng: np.random.Generator) -> list[Part]:
    """Parts of the `drums` stem."""
    kit = arrangement.composer_style.kit
    parts = {
        name: Part(name, "drums", kit, pan=pan, gain_db=level_db, drums=True)
        for name, (pan, level_db) in PARTS.items()
    }
    timpani = Part("timpani", "drums", TIMPANI, gain_db=4.0)
    for section in arrangement.sections:
        groove, energy = arrangement.grooves[section.name], arrangement.passage(section).energy
        if "crash" not in groove and energy > 0.8 and "timpani" not in groove:
            _crash(arrangement, parts["cymbals"], section.first_bar)
        for i in range(section.bars):
            bar = section.first_bar + i
            fill = _fill(arrangement, section, i, rng)
            for voice, line in groove.items():
                target = timpani if voice == "timpani" else parts[VOICES[voice][1]]
                played = _roll(section, i) if voice == "roll" else line
                _bar(arrangement, target, voice, played, bar, energy, _first_step(fill), rng)
            for voice, line in fill.items():
                _bar(arrangement, parts[VOICES[voice][1]], voice, line, bar, energy, 99, rng)
    if arrangement.has_ending:
        _ending(arrangement, parts, timpani)
    return [part for part in (*parts.values(), timpani) if part.notes]


def _bar(
    arrangement: Arrangement,
    part: Part,
    voice: str,
    line: str,
    bar: int,
    energy: float,
    until: int,
    rng: np.random.Generator,
) -> None:
    """Add the notes of one voice in a bar, up to the step where a fill starts."""
    for step, stroke in enumerate(line[: min(arrangement.steps, until)]):
        if stroke not in STRENGTH or (stroke == "." and rng.random() < 0.35):
            continue
        velocity = round(STRENGTH[stroke] * (0.82 + 0.18 * energy))
        start = arrangement.seconds_at(bar, step)
        if voice == "timpani":
            root = arrangement.chord_at(bar, step).root
            key = 40 + (root - 40) % 12  # one octave from E2
            part.notes.append(Note(start, 4 * arrangement.step_s, key, velocity - 15))
        else:
            keys = VOICES[voice][0]
            key = keys[step // 2 % len(keys)]
            part.notes.append(Note(start, arrangement.step_s, key, velocity))


def _fill(
    arrangement: Arrangement, section: Section, i: int, rng: np.random.Generator
) -> dict[str, str]:
    """A random fill in the last bar of a section, and in every fourth bar of long ones."""
    transition = i == section.bars - 1 and not section.last
    middle = section.bars >= 8 and i % 4 == 3
    if arrangement.beats != 4 or not (transition or middle) or section.name == "build":
        return {}
    if "timpani" in arrangement.passage(section).grooves:
        return {}
    if rng.random() > arrangement.genre.fill_probability:
        return {}
    return dict(pick(rng, FILLS))


def _first_step(fill: dict[str, str]) -> int:
    """The step at which a fill starts and the groove stops."""
    return min((len(line) - len(line.lstrip("-")) for line in fill.values()), default=99)


def _roll(section: Section, i: int) -> str:
    """Snare roll of a build, denser towards its end."""
    remaining = section.bars - 1 - i
    return ("oooxxxxxxxXXXXXX", "x-x-x-x-x-x-xxxx", "x-x-x-x-x-x-x-x-")[min(remaining, 2)]


def _crash(arrangement: Arrangement, cymbals: Part, bar: int) -> None:
    cymbals.notes.append(Note(arrangement.seconds_at(bar, 0), 1.0, 49, 112))


def _ending(arrangement: Arrangement, parts: dict[str, Part], timpani: Part) -> None:
    """The final stroke."""
    end = arrangement.seconds_at(arrangement.bars, 0)
    if timpani.notes:
        timpani.notes.append(Note(end, 1.0, 40 + (arrangement.tonic - 40) % 12, 105))
    else:
        _crash(arrangement, parts["cymbals"], arrangement.bars)
        parts["kick"].notes.append(Note(end, 0.5, 36, 115))
