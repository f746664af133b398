"""Scores for known changes to finished music: single knobs of the console, and noise.

python benchmarks/scores.py FOLDER [--songs 30] [--seconds 6]
"""

import argparse
from pathlib import Path

import pandas as pd
import torch

from ai_mixer.audio.excerpt import probe, read_excerpt
from ai_mixer.audio.open_audio import SUFFIXES
from ai_mixer.console import Console
from ai_mixer.console.load import load_console
from ai_mixer.metrics.distortion import console_thd_n_percent
from ai_mixer.metrics.scores import PREFIX, scores
from ai_mixer.tasks.restore_batch import MAX_FINISHED_PEAK_DBTP
from ai_mixer.utils.markdown import to_markdown

RATE = 44_100
NOISE_DB = -40.0
CHANGES = {
    "nothing": {},
    "level −12 dB": {"output_level": 0.25},
    "high shelf +6 dB": {"high_eq": 6},
    "low shelf −6 dB": {"low_eq": -6},
    "middle +6 dB": {"mid_eq": 6},
    "ratio 8, driven 6 dB": {"compressor_ratio": 8, "input_gain": 2},
    "12 dB into the limiter": {"output_level": 4},
    "side +6 dB": {"stereo_width": 2},
    "delay 0.2": {"delay": 0.2},
    "reverb 0.1": {"reverb": 0.1},
    "reverb 0.3": {"reverb": 0.3},
    "reverb 0.6": {"reverb": 0.6},
}


def main() -> None:
    """Print a table of scores, and the console's distortion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=6.0)
    arguments = parser.parse_args()
    console = load_console("classic", "wide")
    files = sorted(file for file in arguments.folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    files = files[:: max(1, len(files) // arguments.songs)][: arguments.songs]
    rows = [row for file in files for row in _rows(console, _middle(file, arguments.seconds))]
    means = pd.DataFrame(rows).groupby("change", sort=False).mean()
    print(f"{len(files)} songs\n\n{to_markdown(means)}")
    knobs = torch.rand(50, len(console.knobs), generator=torch.Generator().manual_seed(0))
    worst = max(console_thd_n_percent(console, part, RATE).max().item() for part in knobs.split(5))
    print(f"THD+N of the console, 50 settings drawn uniformly from `wide`: at most {worst:.4f} %")


def _middle(file: Path, seconds: float) -> torch.Tensor:
    """The middle of a song, [1, 2, T], attenuated to the peak limit of finished excerpts."""
    start_s = max(0.0, (probe(file).duration_s - seconds) / 2)
    audio = read_excerpt(file, start_s, seconds, RATE)[None]
    return audio * (10 ** (MAX_FINISHED_PEAK_DBTP / 20) / audio.abs().max()).clamp_max(1.0)


def _rows(console: Console, song: torch.Tensor):
    mixes = {n: console(song, RATE, console.knobs_from(s)) for n, s in CHANGES.items()}
    noise = torch.randn(song.shape, generator=torch.Generator().manual_seed(0))
    mixes[f"noise at {NOISE_DB:g} dBFS"] = song + 10 ** (NOISE_DB / 20) * noise
    for name, mix in mixes.items():
        values = scores(mix, song, RATE)
        yield {"change": name} | {k.removeprefix(PREFIX): v.item() for k, v in values.items()}


if __name__ == "__main__":
    main()
