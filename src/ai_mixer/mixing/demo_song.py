"""A demo song: synthesised by the embedded band, free of rights."""

from pathlib import Path

import soundfile

from ai_mixer.data.band.generate import SongJob, synthesise_song

GENRE, LENGTH_S, SEED, RATE = "rock", 12.0, 0, 44_100
ROUGH_SETTINGS = {
    **{"low_eq": 5.0, "mid_eq": 3.0, "high_eq": -6.0, "presence": 0.6, "stereo_width": 0.6},
    "output_level": 0.6,
}
"""What makes a rough version of the song: dull, boomy and narrow."""


def render_demo_song(folder: Path) -> Path:
    """Synthesise the song into `folder` and return its path. Deterministic; takes some seconds."""
    path = folder / "band.wav"
    finished = synthesise_song(SongJob(GENRE, 0), LENGTH_S, SEED, RATE)["finished"]
    soundfile.write(path, finished.T, RATE, subtype="FLOAT")
    return path


def write_rough_demo(path: Path, length_s: float = LENGTH_S) -> None:
    """Synthesise the song and write a rough version of it: [2, T] at RATE, float32."""
    import torch

    from ai_mixer.mixing.console_cache import shared_console

    finished = synthesise_song(SongJob(GENRE, 0), length_s, SEED, RATE)["finished"]
    console = shared_console()
    knobs = console.knobs_from(ROUGH_SETTINGS)
    with torch.no_grad():
        rough = console(torch.as_tensor(finished).float()[None], RATE, knobs)[0]
    soundfile.write(path, rough.T.numpy(), RATE, subtype="FLOAT")
