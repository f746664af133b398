"""Parts of a General MIDI file for the band's player: its instruments, a drum kit by pieces.

Used of a file: notes with the tempo map, programs, names, and the first channel volume (controller
7) and pan (controller 10). Source: "General MIDI System Level 1" and its recommended practices
RP-015: gain_db = 40 log10(volume / 127). Not used: pedals, pitch bends, changes of a controller.
"""

import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pretty_midi

from ai_mixer.core.roles import role_from_program
from ai_mixer.data.band.score import Note, Part

VOLUME, PAN = 7, 10
DEFAULT_VOLUME = 100  # of General MIDI
PAN_CENTRE = 64
MIN_NOTE_S = 0.02
# Keys of the General MIDI percussion map; what is none of these is percussion.
KIT = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "hi-hat": (42, 44, 46),
    "toms": (41, 43, 45, 47, 48, 50),
    "cymbals": (49, 51, 52, 53, 55, 57, 59),
}
PERCUSSION = "percussion"
_PIECE = {key: piece for piece, keys in KIT.items() for key in keys}


def read_midi_parts(path: Path, duration_s: float) -> list[Part]:
    """The instruments of a MIDI file that play before `duration_s`, with these notes.

    `stem` of a part is its role. ValueError in one line for a file that is no MIDI file.
    """
    try:
        with warnings.catch_warnings():  # tempo events outside the first track
            warnings.simplefilter("ignore", RuntimeWarning)
            score = pretty_midi.PrettyMIDI(str(path))
    except Exception as error:  # the parser raises many types
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: not readable as a MIDI file ({reason})") from error
    parts = (part for one in score.instruments for part in _parts(one, duration_s))
    return [part for part in parts if part.notes]


def _parts(instrument: pretty_midi.Instrument, duration_s: float) -> Iterator[Part]:
    notes = [
        Note(float(note.start), max(float(note.end - note.start), MIN_NOTE_S), key, velocity)
        for note in instrument.notes
        if note.start < duration_s and (velocity := int(note.velocity)) > 0
        for key in (int(note.pitch),)
    ]
    pan, gain_db = _pan(instrument), _gain_db(instrument)
    if not instrument.is_drum:
        program = int(instrument.program)
        name = pretty_midi.program_to_instrument_name(program)
        yield Part(_file_name(name), role_from_program(program), program, notes, pan, gain_db)
        return
    for piece in (*KIT, PERCUSSION):
        own = [note for note in notes if _PIECE.get(note.key, PERCUSSION) == piece]
        yield Part(piece, "drums", 0, own, pan, gain_db, drums=True)  # the standard kit


def _gain_db(instrument: pretty_midi.Instrument) -> float:
    volume = max(1, _first(instrument, VOLUME, DEFAULT_VOLUME))
    return 40.0 * math.log10(volume / 127.0)


def _pan(instrument: pretty_midi.Instrument) -> float:
    place = _first(instrument, PAN, PAN_CENTRE)
    return max(-1.0, (place - PAN_CENTRE) / (127 - PAN_CENTRE))


def _first(instrument: pretty_midi.Instrument, controller: int, default: int) -> int:
    """The value of a controller when the first note starts; the first value if it is set later."""
    changes = sorted(
        (change.time, change.value)
        for change in instrument.control_changes
        if change.number == controller
    )
    start_s = min((note.start for note in instrument.notes), default=0.0)
    before = [value for time, value in changes if time <= start_s]
    return int(before[-1] if before else changes[0][1] if changes else default)


def _file_name(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_")
