"""The limiter and variants of its parameters, on music 10 dB above the ceiling.

python benchmarks/limiter.py FOLDER [--songs 20]
"""

import argparse
import math
import time
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
import torch
from scipy.signal import resample_poly

from ai_mixer.dsp import required_gain
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.true_peak import SHARP, SOFT, true_peak
from ai_mixer.effects import limiter

DRIVE = 10 ** (10 / 20)
CEILING_DB = -1.0
DEFAULTS = {
    "kinds": (SHARP, SOFT),
    "oversample": 8,
    "margin_db": limiter.CEILING_MARGIN_DB,
    "times": {},
}
VARIANTS = {
    "default": {},
    "sharp interpolator only": {"kinds": (SHARP, SHARP)},
    "soft interpolator only": {"kinds": (SOFT, SOFT)},
    "4 × oversampled": {"oversample": 4},
    "no margin": {"margin_db": 0.0},
    "release in one step, 30 ms": {"times": {"memory_ms": 0.01}},
    "release in one step, 100 ms": {"times": {"release_ms": 100.0, "memory_ms": 0.01}},
    "look-ahead 1.5 ms": {"times": {"lookahead_ms": 1.5}},
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--songs", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    songs = [*_songs(arguments.folder, arguments.songs)]
    print("| limiter | 4 ×, dBTP | 16 ×, dBTP | LU louder | times real time |")
    print("|---|---:|---:|---:|---:|")
    loudness = None
    for name, changes in VARIANTS.items():
        rows = np.array([_measured(song, rate, **DEFAULTS | changes) for song, rate in songs])
        loudness = rows[:, 2] if loudness is None else loudness
        peaks, louder = rows[:, :2].max(axis=0), np.median(rows[:, 2] - loudness)
        speed = np.median(rows[:, 3])
        print(f"| {name} | {peaks[0]:.3f} | {peaks[1]:.3f} | {louder:+.2f} | {speed:.0f} |")


def _songs(folder: Path, count: int):
    files = sorted(p for p in folder.rglob("*") if p.suffix in {".flac", ".ogg", ".wav"})
    for file in files[:: max(1, len(files) // count)][:count]:
        audio, rate = soundfile.read(file, dtype="float32", always_2d=True)
        song = torch.from_numpy(audio.T.copy())[None]
        yield DRIVE * song / true_peak(song), rate


def _measured(song, rate, kinds, oversample, margin_db, times):
    """Highest true peak at 4 × and 16 × with scipy's interpolator, loudness, speed."""
    required_gain._filters.cache_clear()
    required_gain.max_overshoot.cache_clear()
    with (
        mock.patch.object(required_gain, "INTERPOLATORS", kinds),
        mock.patch.object(limiter, "OVERSAMPLE", oversample),
        mock.patch.object(limiter, "CEILING_MARGIN_DB", margin_db),
    ):
        processor = limiter.Limiter(CEILING_DB, **times)
        start = time.process_time()
        limited = processor(song, rate)
        seconds = time.process_time() - start
    peaks = [
        np.abs(resample_poly(limited[0].double().numpy(), n, 1, axis=-1)).max() for n in (4, 16)
    ]
    return [
        *(20 * math.log10(peak) for peak in peaks),
        float(loudness_lufs(limited, rate)),
        song.shape[-1] / rate / seconds,
    ]


if __name__ == "__main__":
    main()
