"""Time to index songs of several tracks, and to read an excerpt of sixteen tracks.

    python benchmarks/track_index.py --songs 10000

Makes a tree of songs with eight WAV tracks each in a temporary folder: hard links to a few files of
one second, so that what is measured is finding, opening and recording files, not the disk. Then an
excerpt of 5 s of sixteen tracks of four minutes is read, and the same of tracks of 20 s.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.data.tracks import Tracks

NAMES = ("kick", "snare", "bass", "gtr", "keys", "vox", "lead", "pad")
RATE = 44_100
LINKS_PER_FILE = 20_000  # file systems limit the links of a file


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--songs", type=int, default=10_000)
    count = parser.parse_args().songs
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _make_tree(root / "songs", root / "files", count)
        for name in ("first", "second"):
            start, used = time.perf_counter(), time.process_time()
            songs = Tracks(root / "songs", index=root / "index").track_songs()
            seconds, used = time.perf_counter() - start, time.process_time() - used
            print(f"{name} call: {len(songs)} songs, {seconds:.1f} s, processor {used:.1f} s")
        for length_s in (20, 240):
            files = [_write(root / f"{n}.wav", n, length_s) for n in range(16)]
            start = time.process_time()
            for _ in range(10):
                for file in files:
                    read_excerpt(file, length_s / 2, 5.0, RATE)
            ms = 1000 * (time.process_time() - start) / 10
            print(f"16 tracks of {length_s} s: {ms:.1f} ms of processor time for 5 s")


def _make_tree(root: Path, sources: Path, songs: int) -> None:
    sources.mkdir()
    source = sources
    for number in range(songs):
        song = root / f"artist {number // 10}" / f"song {number}"
        song.mkdir(parents=True)
        for place, name in enumerate(NAMES):
            links = number * len(NAMES) + place
            if links % LINKS_PER_FILE == 0:
                source = _write(sources / f"{links}.wav", links, 1)
            os.link(source, song / f"{name}.wav")


def _write(file: Path, seed: int, seconds: int) -> Path:
    noise = 0.1 * np.random.default_rng(seed).standard_normal((seconds * RATE, 2))
    soundfile.write(file, noise, RATE, subtype="PCM_16")
    return file


if __name__ == "__main__":
    main()
