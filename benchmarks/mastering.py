"""How close the mastering console comes to the finished version, beside `classic`.

    make roughs data=folder data.root=/music out=outputs/roughs/all split=all seconds=6
    make train experiment=leaderboard console=mastering model=analyser run_name=mastering cv=5
    make train experiment=leaderboard console=classic model=analyser run_name=classic cv=5
    .venv/bin/python benchmarks/mastering.py --roughs outputs/roughs/all

1. Roughs by another processor, another excerpt as the reference: models of five folds, each on the
   songs held out from it, with and without refinement, and with half of what the refined knobs
   leave of the correction curve, as `ai-mixer master --model RUN --reference` applies it.
2. The same roughs and their true finished version (`fit_knobs`, as `ai-mixer match`), and as the
   bound a free gain in each third of an octave of mid and side (zero phase).
3. A known equaliser of five bands (pedalboard): RMS difference between its curve and the one found.

One record of each song. Rows are appended to --csv, so an interrupted run goes on; with --table
only the table of an existing file is printed. Closeness: protocol A.
"""

import argparse
import csv
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.io import wavfile
from torch import Tensor

from ai_mixer import load_console
from ai_mixer.console import Console
from ai_mixer.console.frequency_response import response_db
from ai_mixer.dsp.linear_phase import filter_mid_side, linear_phase_response
from ai_mixer.dsp.spectra import mid_side, third_octave_centres
from ai_mixer.evaluation.baselines.spectrum_match import equalise
from ai_mixer.evaluation.leaderboard.entries import find_entries
from ai_mixer.inference.knob_fitting import fit_knobs
from ai_mixer.inference.long_term_levels import is_mono, long_term_db
from ai_mixer.inference.matching_curve import (
    estimate_correction,
    long_term_levels,
    remaining_correction,
)
from ai_mixer.inference.predictor import Predictor, load_model
from ai_mixer.metrics.distance import FinishedTarget
from ai_mixer.metrics.statistics import difference_estimate, mean_estimate
from ai_mixer.mixing.reference_songs import MODEL_SHARE
from ai_mixer.tracking import Store
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.markdown import to_markdown

RATE = 44_100
CONSOLES = ("classic", "mastering")
PARTS = ("reference", "match", "equaliser")
BOUND_FLOOR = 1e-8  # of the loudest band; lower levels are not corrected
EQ_HZ = np.geomspace(31.5, 16_000.0, 200)
IMPULSE_SAMPLES = 1 << 16
MAX_RMS_DB = 0.5


class Job(NamedTuple):
    """One song: paths of rough, finished version and reference, and the models of its fold."""

    song: str
    files: dict[str, Path]
    models: dict[str, Path]
    parts: tuple[str, ...]


def measure_song(job: Job) -> dict[str, Any]:
    """Closeness by system, and the error of the equaliser, of one song."""
    torch.set_num_threads(1)
    rough, finished, reference = (_read(job.files[n]) for n in ("rough", "finished", "reference"))
    target = FinishedTarget(finished[None], RATE)
    start = float(target.distances(rough[None])["stft"])

    def closeness(mix: Tensor) -> float:
        return 1.0 - float(target.distances(mix)["stft"]) / start

    row: dict[str, Any] = {"song": job.song}
    if "reference" in job.parts:
        for console, folder in job.models.items():
            model = load_model(folder)
            for name, refine in (("model", False), ("refined", True)):
                stages = model.stages(rough[None], RATE, reference[None], refine=refine)
                mix = _render(model.console, rough, stages.applied.knobs)
                row[f"reference: {console}, {name}"] = closeness(mix)
            mix = _equalised(rough, reference, mix[0])
            row[f"reference: {console}, refined and equalised"] = closeness(mix)
    if "match" in job.parts:
        row["match: free bands (bound)"] = closeness(_free_bands(rough, finished))
        for name in CONSOLES:
            console = load_console(name, ranges="wide")
            knobs = fit_knobs(rough, finished, console, RATE).knobs
            row[f"match: {name}"] = closeness(_render(console, rough, knobs))
    if "equaliser" in job.parts:
        row["equaliser RMS, dB"] = _equaliser_error_db(job.song, finished)
    return row


def _read(path: Path) -> Tensor:
    return torch.from_numpy(np.array(wavfile.read(path)[1]).T).float()


@torch.no_grad()
def _render(console: Console, rough: Tensor, knobs: Tensor) -> Tensor:
    part, knobs = console.without_neutral(knobs)
    mix: Tensor = part(rough[None], RATE, knobs, limit=False)
    return mix


def _equalised(rough: Tensor, reference: Tensor, mix: Tensor) -> Tensor:
    """The mix with a part of what it leaves of the correction of the rough to the reference."""
    levels = long_term_levels(rough, RATE)
    correction = estimate_correction(levels, [long_term_levels(reference, RATE)], [1.0])
    remaining = remaining_correction(correction, levels, long_term_levels(mix, RATE))
    gains = MODEL_SHARE * torch.stack([remaining.mid_db, remaining.side_db])
    responses = linear_phase_response(gains, third_octave_centres(RATE), RATE)
    return torch.cat(list(filter_mid_side([mix], *responses)), -1)[None]


def _free_bands(rough: Tensor, finished: Tensor) -> Tensor:
    """The rough with the third-octave levels of mid and side of the finished version."""
    target_db, floor = long_term_db(finished[None], RATE, floor_ratio=BOUND_FLOOR)
    gain_db = target_db - long_term_db(rough[None], RATE, floor)[0]
    bands = gain_db.shape[1] // 2
    if is_mono(rough):
        gain_db[:, bands:] = gain_db[:, :bands]
    halves = mid_side(rough[None])
    mid, side = (
        equalise(halves[:, n : n + 1], RATE, gain_db[:, n * bands : (n + 1) * bands])
        for n in range(2)
    )
    return torch.cat([mid + side, mid - side], 1)


def _equaliser_error_db(song: str, finished: Tensor) -> float:
    """RMS difference between the curve of a drawn equaliser and the one that `fit_knobs` finds."""
    import pedalboard

    rng = np.random.default_rng(zlib.crc32(song.encode()))

    def draw(low_hz: float, high_hz: float, low_q: float, high_q: float) -> tuple[float, ...]:
        hz, q = np.exp(rng.uniform(np.log([low_hz, low_q]), np.log([high_hz, high_q])))
        return float(hz), float(rng.uniform(-6.0, 6.0)), float(q)

    board = pedalboard.Pedalboard(
        [
            pedalboard.LowShelfFilter(*draw(50.0, 200.0, 0.7, 0.7)),
            *(pedalboard.PeakFilter(*draw(100.0, 7000.0, 0.5, 2.0)) for _ in range(3)),
            pedalboard.HighShelfFilter(*draw(5000.0, 12_000.0, 0.7, 0.7)),
        ]
    )
    after = torch.from_numpy(board(finished.numpy(), RATE))
    impulse = np.zeros((1, IMPULSE_SAMPLES), np.float32)
    impulse[0, 0] = 1.0
    bins = np.abs(np.fft.rfft(board(impulse, RATE)[0].astype(float)))
    frequencies = np.fft.rfftfreq(IMPULSE_SAMPLES, 1 / RATE)
    known_db = np.interp(EQ_HZ, frequencies, 20 * np.log10(bins))
    console = load_console("mastering", ranges="wide")
    knobs = fit_knobs(finished, after, console, RATE).knobs
    found_db = response_db(console, knobs.double(), torch.from_numpy(EQ_HZ), RATE)[0, 0].numpy()
    return float(np.sqrt(np.mean((found_db - known_db) ** 2)))


def plan(options: argparse.Namespace) -> list[Job]:
    """One job per song with roughs, with the models whose test songs include it."""
    manifest = pd.read_csv(options.roughs / "manifest.csv").drop_duplicates("song")
    columns = {"rough": "rough", "finished": "file", "reference": "reference"}
    models: dict[str, dict[str, Path]] = {song: {} for song in manifest["song"]}
    for console in CONSOLES if options.reference else ():
        experiment, _, title = getattr(options, console).partition(":")
        entries, _ = find_entries(Store(str(options.mlruns)), experiment, options.folds)
        entry = next(entry for entry in entries if entry.title == title)
        for folder in next(iter(entry.seeds.values())).values():
            for song in _test_songs(load_model(folder)):
                if song in models:
                    models[song][console] = folder
    jobs = []
    for number, row in enumerate(manifest.sample(frac=1.0, random_state=0).to_dict("records")):
        parts = [part for part in PARTS if number < getattr(options, part)]
        if len(models[row["song"]]) < len(CONSOLES):  # a song without a fold
            parts = [part for part in parts if part != "reference"]
        files = {name: options.roughs / str(row[column]) for name, column in columns.items()}
        jobs.append(Job(str(row["song"]), files, models[row["song"]], tuple(parts)))
    return [job for job in jobs if job.parts]


def _test_songs(model: Predictor) -> set[str]:
    data = build_evaluation_datamodule(
        model.config, model.console, None, "reference", held_out_per_song=1
    )
    return {song.song for song in data.songs("test")}


def table(rows: pd.DataFrame) -> str:
    """Markdown tables of the records."""
    lines = {}
    for name in [column for column in rows if ": " in column]:
        known = rows[["song", name]].dropna()
        estimate = mean_estimate(known[name].to_numpy(), known["song"].to_numpy())
        lines[name] = {
            "closeness": estimate.value,
            "closeness_low": estimate.low,
            "closeness_high": estimate.high,
            "closeness_songs": estimate.songs,
            "closer": float((known[name] > 0).mean()),
        }
    parts = [to_markdown(pd.DataFrame.from_dict(lines, orient="index").rename_axis("system"), 3)]
    for name in ("mastering, refined", "mastering, refined and equalised"):
        pair = [f"reference: {name}", "reference: classic, refined"]
        both = rows[["song", *pair]].dropna() if set(pair) <= set(rows) else pd.DataFrame()
        if len(both):
            values = (both[column].to_numpy() for column in pair)
            gain = difference_estimate(*values, both["song"].to_numpy())
            parts.append(
                f"{name.capitalize()}, minus classic, refined: {gain.value:+.3f} "
                f"[{gain.low:+.3f}, {gain.high:+.3f}], n = {gain.songs}."
            )
    if "equaliser RMS, dB" in rows:
        error = rows["equaliser RMS, dB"].dropna()
        parts.append(
            f"Known equaliser of five bands: RMS within {MAX_RMS_DB} dB in "
            f"{int((error <= MAX_RMS_DB).sum())} of {len(error)} songs, median "
            f"{error.median():.2f} dB, maximum {error.max():.2f} dB."
        )
    return "\n\n".join(parts)


def main() -> None:
    """`python benchmarks/mastering.py --roughs FOLDER [--match 20 --equaliser 20 --jobs 2]`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--roughs", type=Path, default=Path("outputs/roughs/all"))
    parser.add_argument("--mlruns", type=Path, default=Path("mlruns"))
    parser.add_argument("--classic", default="leaderboard:classic", help="experiment:run_name")
    parser.add_argument("--mastering", default="leaderboard:mastering", help="experiment:run_name")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--reference", type=int, default=1000, help="songs of part 1")
    parser.add_argument("--match", type=int, default=20, help="songs of part 2")
    parser.add_argument("--equaliser", type=int, default=20, help="songs of part 3")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--csv", type=Path, default=Path("outputs/mastering.csv"))
    parser.add_argument("--table", action="store_true", help="only print the table of the file")
    options = parser.parse_args()
    if not options.table:
        _measure(options)
    print(table(_records(options.csv)))


def _measure(options: argparse.Namespace) -> None:
    done = set(_records(options.csv)["song"]) if options.csv.is_file() else set()
    jobs = [job for job in plan(options) if job.song not in done]
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        futures = [pool.submit(measure_song, job) for job in jobs]
        for number, future in enumerate(as_completed(futures), 1):
            row = future.result()
            with options.csv.open("a", newline="") as file:
                csv.writer(file).writerows([row["song"], *item] for item in list(row.items())[1:])
            print(f"{number} of {len(jobs)}: {row}", flush=True)


def _records(file: Path) -> pd.DataFrame:
    """One row per song, one column per figure."""
    long = pd.read_csv(file, names=["song", "figure", "value"])
    order = list(dict.fromkeys(long["figure"]))
    return long.pivot(index="song", columns="figure", values="value")[order].reset_index()


if __name__ == "__main__":
    main()
