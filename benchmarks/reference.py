"""How much of a known damage is left with a reference, beside Matchering.

    AI_MIXER_MUSIC=folder .venv/bin/python benchmarks/reference.py --peers PYTHON

PYTHON: an interpreter that imports matchering (GPL-3: a peer, never a dependency), such as that of
`make bench-peers`. AI_MIXER_MUSIC: a folder with manifest.csv (columns file, song, artist, genre,
split); songs of `--split` are used.

1. Known damage by another processor (scipy) on one excerpt of a song, with another excerpt as the
   reference. Error left, in dB, against the undamaged excerpt: at equal loudness the mean of the
   third-octave bands up to 100 Hz (bass shelf) and from 8 kHz on (treble shelf), side over mid
   (width), and, without matching the loudness, the RMS over the bands (all). Bands 60 dB below the
   loudest one are left out.
2. A song of the same genre by another artist as the reference, whole change: mean absolute
   difference of the third-octave levels to the reference at equal loudness, and results with true
   peaks above 0 dBTP.

3. With --roughs, a folder of `make roughs data=folder data.root=/music split=all seconds=6`:
   closeness to the finished version (protocol A) of the roughs of all songs, mean over songs.

`width away`: results of both parts whose side over mid is further from the reference than before.
Rows are appended to --csv, so an interrupted run goes on; --table only prints the tables.
"""

import argparse
import csv
import os
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import sosfilt
from torch import Tensor

from ai_mixer import AudioMixer
from ai_mixer.audio import AudioFile
from ai_mixer.dsp.levels import width_db
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.dsp.spectra import third_octave_centres, third_octave_power
from ai_mixer.dsp.true_peak import true_peak
from ai_mixer.metrics.distance import FinishedTarget
from ai_mixer.mixing.match import match
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.utils.markdown import to_markdown

RATE = 44_100
FLOOR_DB = -60.0  # of the loudest band
WIDTH_TOLERANCE_DB = 0.1
BASS_HZ, TREBLE_HZ = 105.0, 7_500.0
HERE = Path(__file__).parent

Signal = NDArray[np.float64]


def shelf(x: Signal, hz: float, gain_db: float, high: bool) -> Signal:
    """A shelf of slope 1 (R. Bristow-Johnson, Audio EQ Cookbook). x: [C, T]."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / RATE
    c, alpha, s = np.cos(w), np.sin(w) / np.sqrt(2), -1.0 if high else 1.0
    root = 2 * np.sqrt(a) * alpha
    b0, b1 = a * ((a + 1) - s * (a - 1) * c + root), s * 2 * a * ((a - 1) - s * (a + 1) * c)
    b2 = a * ((a + 1) - s * (a - 1) * c - root)
    a0, a1 = (a + 1) + s * (a - 1) * c + root, -s * 2 * ((a - 1) + s * (a + 1) * c)
    a2 = (a + 1) + s * (a - 1) * c - root
    return sosfilt(np.array([[b0, b1, b2, a0, a1, a2]]) / a0, x)


def narrow(x: Signal) -> Signal:
    """Side times 0.3. x: [2, T]."""
    mid, side = x.sum(0) / 2, 0.3 * (x[0] - x[1]) / 2
    return np.stack([mid + side, mid - side])


DAMAGES: dict[str, Callable[[Signal], Signal]] = {
    "+6 dB shelf at 100 Hz": lambda x: shelf(x, 100.0, 6.0, False),
    "−6 dB shelf at 8 kHz": lambda x: shelf(x, 8000.0, -6.0, True),
    "width 30 % (side/mid)": narrow,
    "all, and −4 dB (band RMS)": lambda x: (
        0.631 * narrow(shelf(shelf(x, 100.0, 6.0, False), 8000.0, -6.0, True))
    ),
}
FOREIGN, ROUGHS = "foreign song of the genre", "rough by another processor"
OURS = ("blind", "mix", "master", "master amount 1", "match")
MATCHERING, ROUGH = "Matchering", "rough"


class Job(NamedTuple):
    """One song with one damage, or (FOREIGN) without."""

    song: str
    damage: str
    excerpt: Path
    reference: Path
    rough: Path | None = None


def measure_job(job: Job, systems: tuple[str, ...], peers: str) -> list[dict[str, object]]:
    """A row for each system: errors, true peak, and how far the width is from the reference."""
    torch.set_num_threads(1)
    original, reference = _read(job.excerpt), _read(job.reference)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        files = {n: Path(folder) / f"{n}.wav" for n in ("rough", "original", "reference", "out")}
        damaged = _read(job.rough) if job.rough else original
        if job.damage in DAMAGES:
            damaged = torch.from_numpy(DAMAGES[job.damage](original.double().numpy())).float()
        for name, audio in (("rough", damaged), ("original", original), ("reference", reference)):
            soundfile.write(files[name], audio.T.numpy(), RATE, subtype="FLOAT")
        for system in systems:
            if job.damage not in DAMAGES and system in ("match", "blind"):
                continue
            mix = damaged if system == ROUGH else _run(system, files, peers)
            if job.damage == FOREIGN:
                error = _distance_db(mix, reference)
            elif job.rough:
                target = FinishedTarget(original[None], RATE)
                after, before = (target.distances(x[None])["stft"] for x in (mix, damaged))
                error = 1.0 - float(after / before)
            else:
                error = _error_db(job.damage, mix, original)
            wanted, start, end = (float(width_db(x[None])) for x in (reference, damaged, mix))
            peak_db = 20 * np.log10(float(true_peak(mix[None])) + 1e-12)
            away = abs(end - wanted) - abs(start - wanted)
            rows.append(
                {"song": job.song, "damage": job.damage, "system": system, "error": error}
                | {"peak": peak_db, "away": away}
            )
    return rows


def _run(system: str, files: dict[str, Path], peers: str) -> Tensor:
    rough, reference, out = files["rough"], files["reference"], files["out"]
    mixer = AudioMixer()
    if system == MATCHERING:
        command = [peers, str(HERE / "run_matchering.py"), rough, reference, out]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(command, check=True, capture_output=True, env=environment)
    elif system == "blind":
        mixer.mix_file(rough, out, force=True)
    elif system == "mix":
        mixer.mix_file(rough, out, reference=reference, force=True)
    elif system == "match":
        match(mixer, rough, files["original"], out, force=True)
    else:
        options = MixOptions(1.0) if system.endswith("1") else MixOptions()
        mixer.master(rough, out, reference=reference, mix_options=options, force=True)
    return _read(out)


def _read(path: Path) -> Tensor:
    return torch.cat(list(AudioFile(path).blocks()), -1).expand(2, -1)


def _levels_db(x: Tensor) -> Tensor:
    return 10 * torch.log10(third_octave_power(x[None], RATE)[0].mean(0) + 1e-20)


def _error_db(damage: str, mix: Tensor, original: Tensor) -> float:
    if damage.startswith("width"):
        return float(width_db(mix[None]) - width_db(original[None]))
    target = _levels_db(original)
    error, centres = _levels_db(mix) - target, torch.tensor(third_octave_centres(RATE))
    audible = target > target.max() + FLOOR_DB
    if damage.startswith("all"):
        return float(error[audible].square().mean().sqrt())
    error = error - float(loudness_lufs(mix[None], RATE) - loudness_lufs(original[None], RATE))
    return float(
        error[audible & (centres < BASS_HZ if "100" in damage else centres > TREBLE_HZ)].mean()
    )


def _distance_db(mix: Tensor, reference: Tensor) -> float:
    target = _levels_db(reference)
    gap = _levels_db(mix) - target
    gap -= float(loudness_lufs(mix[None], RATE) - loudness_lufs(reference[None], RATE))
    return float(gap[target > target.max() + FLOOR_DB].abs().mean())


def plan(music: Path, split: str, songs: int, foreign: int) -> list[Job]:
    """Jobs of both parts: songs with two excerpts; references by genre, drawn by a hash."""
    every = pd.read_csv(music / "manifest.csv")
    manifest = every[every["split"] == split]
    pairs = [
        [music / f for f in files["file"].iloc[:2]]
        for _, files in manifest.groupby("song", sort=True)
        if len(files) > 1
    ]
    chosen = pairs[:: max(1, len(pairs) // songs)][:songs]
    jobs = [Job(pair[0].stem, damage, *pair) for damage in DAMAGES for pair in chosen]
    labelled = manifest.dropna(subset=["genre"]).drop_duplicates("song").sort_values("song")
    found = 0
    for _, row in labelled.iterrows():
        others = every[(every["genre"] == row["genre"]) & (every["song"] != row["song"])]
        others = others[others["artist"] != row["artist"]].sort_values("file")
        if len(others) and found < foreign:
            other = others["file"].iloc[zlib.crc32(str(row["song"]).encode()) % len(others)]
            jobs.append(Job(Path(row["file"]).stem, FOREIGN, music / row["file"], music / other))
            found += 1
    return jobs


def tables(rows: pd.DataFrame) -> str:
    """Markdown tables of the records."""
    order = [s for s in (ROUGH, *OURS, MATCHERING) if s in set(rows["system"])]
    known = rows[rows["damage"].isin([*DAMAGES])]
    foreign, roughs = (rows[rows["damage"] == damage] for damage in (FOREIGN, ROUGHS))
    parts = []
    for title, figure in (
        ("median error", lambda x: x.median()),
        ("median |error|", lambda x: x.abs().median()),
    ):
        page = known.pivot_table(
            index="damage", columns="system", values="error", aggfunc=figure, sort=False
        )
        page = page[[s for s in order if s in page]]
        page.index.name = f"damage ({title}, dB; n = {known['song'].nunique()})"
        parts.append(to_markdown(page, 2))
    lines = {}
    for system in order:
        own, all_own = foreign[foreign["system"] == system], rows[rows["system"] == system]
        lines[system] = {
            "distance to a foreign reference, dB": own["error"].mean(),
            "foreign: peaks over 0 dBTP": float((own["peak"] > 0).sum()),
            "all: peaks over 0 dBTP": float((all_own["peak"] > 0).sum()),
            "highest peak, dBTP": all_own["peak"].max(),
            "closeness of roughs": roughs[roughs["system"] == system]["error"].mean(),
            "width away": float((all_own["away"] > WIDTH_TOLERANCE_DB).sum()),
            "results": float(len(all_own)),
        }
    return "\n\n".join(
        [
            *parts,
            to_markdown(pd.DataFrame.from_dict(lines, orient="index").rename_axis("system"), 2),
        ]
    )


COLUMNS = ("file", "reference", "rough")
FIELDS = ("song", "damage", "system", "error", "peak", "away")


def main() -> None:
    """Measure what the CSV file does not have yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--peers", default=".venv-peers/bin/python")
    parser.add_argument("--split", default="test")
    parser.add_argument("--songs", type=int, default=11)
    parser.add_argument("--foreign", type=int, default=10)
    parser.add_argument("--roughs", type=Path, help="folder of `make roughs`")
    parser.add_argument(
        "--systems", default=",".join((ROUGH, *OURS, MATCHERING)), help="names, by comma"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--csv", type=Path, default=Path("outputs/reference.csv"))
    parser.add_argument("--table", action="store_true", help="only print the tables of the file")
    options = parser.parse_args()
    if not options.table:
        _measure(options)
    print(tables(pd.read_csv(options.csv, names=FIELDS)))


def _measure(options: argparse.Namespace) -> None:
    music = Path(os.environ["AI_MIXER_MUSIC"])
    systems = tuple(options.systems.split(","))
    done: set[tuple[str, str, str]] = set()
    if options.csv.is_file():
        old = pd.read_csv(options.csv, names=FIELDS)
        done = set(zip(old["song"], old["damage"], old["system"], strict=True))
    jobs = plan(music, options.split, options.songs, options.foreign)
    if options.roughs:
        table = pd.read_csv(options.roughs / "manifest.csv").drop_duplicates("song")
        jobs += [
            Job(str(row["song"]), ROUGHS, *(options.roughs / row[c] for c in COLUMNS))
            for row in table.to_dict("records")
        ]
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        futures = []
        for job in jobs:
            missing = tuple(s for s in systems if (job.song, job.damage, s) not in done)
            if missing:
                futures.append(pool.submit(measure_job, job, missing, options.peers))
        for number, future in enumerate(as_completed(futures), 1):
            with options.csv.open("a", newline="") as file:
                writer = csv.DictWriter(file, FIELDS)
                writer.writerows(future.result())
            print(f"{number} of {len(futures)}", flush=True)


if __name__ == "__main__":
    main()
