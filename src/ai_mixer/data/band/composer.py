"""Compose the score of a song: arrangement, parts, and deviations of timing and velocity."""

import numpy as np

from ai_mixer.data.band.arrangement import Arrangement, arrange
from ai_mixer.data.band.bass import bass_part
from ai_mixer.data.band.comping import other_parts
from ai_mixer.data.band.composer_style import SONGS_PER_COMPOSER, draw_composer_style, rng_for
from ai_mixer.data.band.drums import drum_parts
from ai_mixer.data.band.melody import lead_part
from ai_mixer.data.band.score import Part, Score


def compose_song(seed: int, genre: str, number: int, duration_s: float) -> Score:
    """Compose song `number` of a genre; deterministic."""
    composer_style = draw_composer_style(seed, genre, number // SONGS_PER_COMPOSER)
    arrangement = arrange(genre, composer_style, rng_for(seed, "plan", genre, number), duration_s)
    parts = [
        *drum_parts(arrangement, rng_for(seed, "drums", genre, number)),
        bass_part(arrangement, rng_for(seed, "bass", genre, number)),
        lead_part(arrangement, rng_for(seed, "lead", genre, number)),
        *other_parts(arrangement, rng_for(seed, "other", genre, number)),
    ]
    for part in parts:
        _humanise(arrangement, part, rng_for(seed, "human", genre, number, part.name))
    return Score(
        genre=genre,
        bpm=arrangement.bpm,
        beats_per_bar=arrangement.beats,
        tonic=arrangement.tonic,
        scale=arrangement.scale,
        sections=arrangement.sections,
        chords=arrangement.chord_symbols,
        parts=parts,
        duration_s=duration_s,
    )


def _humanise(arrangement: Arrangement, part: Part, rng: np.random.Generator) -> None:
    """Add random deviations of timing and velocity, and the genre's constant delay of the part."""
    genre = arrangement.genre
    late_s = (genre.late_ms.get(part.name, 0.0) + genre.late_ms.get(part.stem, 0.0)) / 1000.0
    jitter_s = genre.timing_ms / 1000.0 * (0.6 if part.drums else 1.0)
    velocity_deviation = 3.0 if genre.timing_ms < 2.0 else 6.0
    notes = []
    for note in sorted(part.notes):
        start = max(0.0, note.start_s + late_s + jitter_s * float(np.clip(rng.normal(), -2, 2)))
        velocity = round(note.velocity + velocity_deviation * rng.normal())
        velocity = int(np.clip(velocity, 1, 127))
        if start < arrangement.duration_s:
            notes.append(note._replace(start_s=start, velocity=velocity))
    part.notes = notes
