"""A song for those who have none at hand: composed and played here, under nobody's rights."""

from pathlib import Path

import soundfile

from ai_mixer.data.band.generate import SongJob, synthesise_song

GENRE, LENGTH_S, SEED, RATE = "rock", 12.0, 0, 44_100


def render_demo_song(folder: Path) -> Path:
    """Write it to `folder`, always the same one. Takes some seconds."""
    path = folder / "band.wav"
    finished = synthesise_song(SongJob(GENRE, 0), LENGTH_S, SEED, RATE)["finished"]
    soundfile.write(path, finished.T, RATE, subtype="FLOAT")
    return path
