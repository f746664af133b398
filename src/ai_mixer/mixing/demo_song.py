"""A demo song: synthesised by the embedded band, free of rights."""

from pathlib import Path

import soundfile

from ai_mixer.data.band.generate import SongJob, synthesise_song

GENRE, LENGTH_S, SEED, RATE = "rock", 12.0, 0, 44_100


def render_demo_song(folder: Path) -> Path:
    """Synthesise the song into `folder` and return its path. Deterministic; takes some seconds."""
    path = folder / "band.wav"
    finished = synthesise_song(SongJob(GENRE, 0), LENGTH_S, SEED, RATE)["finished"]
    soundfile.write(path, finished.T, RATE, subtype="FLOAT")
    return path
