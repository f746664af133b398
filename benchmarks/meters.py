"""Meters on the EBU's test signals (tests/dsp/test_ebu.py), and in comparison with pyloudnorm.

python benchmarks/meters.py FOLDER   (a folder of music)
"""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile
import torch

from ai_mixer.dsp.loudness import loudness_lufs, loudness_range_lu
from ai_mixer.dsp.true_peak import true_peak

RATES = (44_100, 48_000)


def main() -> None:
    """Print three tables."""
    ebu = _signals()
    print("| case | expected | at 44.1 kHz | at 48 kHz |\n|---|---:|---:|---:|")
    for number, (parts, expected) in ebu.INTEGRATED.items():
        _row(f"3341-{number}, LUFS", expected, lambda r, p=parts: loudness_lufs(ebu.tones(p, r), r))
    for number, (signal, expected) in ebu.TRUE_PEAKS.items():
        _row(f"3341-{number}, dBTP", expected, lambda r, s=signal: _db(true_peak(s(r))))
    for number, (parts, expected) in ebu.RANGES.items():
        _row(
            f"3342-{number}, LU",
            expected,
            lambda r, p=parts: loudness_range_lu(ebu.tones(p, r), r),
        )
    files = sorted(p for p in Path(sys.argv[1]).rglob("*") if p.suffix in {".flac", ".ogg", ".wav"})
    differences = np.array([_difference(file) for file in files])
    low, median, high = np.percentile(differences, [0, 50, 100])
    print(f"\npyloudnorm, {len(files)} songs: {low:+.3f} … {high:+.3f} LU, median {median:+.3f}")


def _signals():
    path = Path(__file__).parents[1] / "tests/dsp/test_ebu.py"
    spec = importlib.util.spec_from_file_location("test_ebu", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _row(name, expected, measure):
    cells = [f"{float(measure(rate)):.2f}" for rate in RATES]
    print(f"| {name} | {expected} | {' | '.join(cells)} |")


def _db(ratio):
    return 20 * math.log10(float(ratio))


def _difference(file):
    audio, rate = soundfile.read(file, dtype="float64", always_2d=True)
    expected = pyloudnorm.Meter(rate).integrated_loudness(audio)
    return float(loudness_lufs(torch.from_numpy(audio.T.copy())[None], rate)) - expected


if __name__ == "__main__":
    main()
