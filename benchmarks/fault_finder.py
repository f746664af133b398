"""Detectors of the fault finder on real songs: area under the ROC curve and false alarms.

python benchmarks/fault_finder.py /my/music                 five folds of a folder with manifest.csv
python benchmarks/fault_finder.py /my/music --every 4       faults in every fourth song: faster
python benchmarks/fault_finder.py /my/music --write         also writes faults/finished_music.json

Statistics and thresholds of a fold are fitted to the songs of the other folds. `--write` fits those
of the package to all songs but those of the split `test`.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from ai_mixer.audio import AudioFile
from ai_mixer.faults.find import excess, threshold
from ai_mixer.faults.fit_reference import fit_reference
from ai_mixer.faults.observations import Observations, mean_profile, observe
from ai_mixer.faults.reference import FILE
from ai_mixer.faults.registry import FAULTS
from ai_mixer.utils.markdown import to_markdown
from ai_mixer.utils.parallel import parallel_map

MAX_DURATION_S = 30.0
RESAMPLES = 500


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), help="default: all")
    parser.add_argument("--cache", type=Path, help="file that keeps the observations")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with (arguments.root / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    observed = _observations(
        arguments.root, rows, arguments.every, arguments.faults, arguments.cache
    )
    finished = {n: found[""] for n, found in observed.items()}
    damaged = {
        name: {n: found[name] for n, found in observed.items() if name in found} for name in FAULTS
    }
    print(to_markdown(_table(rows, finished, damaged)))
    if arguments.write:
        kept = {n: one for n, one in finished.items() if rows[n]["split"] != "test"}
        reference = fit_reference(kept, damaged, {n: rows[n]["group"] for n in kept})
        FILE.write_text(reference.to_json(), encoding="utf-8")


def _observations(
    root: Path, rows: list[dict[str, str]], every: int, faults: list[str], cache: Path | None
) -> dict[int, dict[str, Observations]]:
    if cache and cache.is_file():
        return torch.load(cache, weights_only=False)
    tasks = [
        (n, root / row["file"], faults if n % every == 0 else []) for n, row in enumerate(rows)
    ]
    observed = dict(parallel_map(_observe, tasks, "observing songs"))
    if cache:
        torch.save(observed, cache)
    return observed


def _observe(task: tuple[int, Path, list[str]]) -> tuple[int, dict[str, Observations]]:
    number, path, faults = task
    torch.set_num_threads(1)
    file = AudioFile(path)
    audio = torch.cat(list(file.blocks()), -1).expand(2, -1)
    audio = audio[:, : round(MAX_DURATION_S * file.sample_rate)].clone()
    found = {"": observe(audio, file.sample_rate)}
    for name in faults:
        fault = FAULTS[name]
        damaged = fault.generate(audio, file.sample_rate, fault.strong)
        if fault.by_profile:  # its score needs nothing else
            found[name] = replace(found[""], profile=mean_profile(damaged, file.sample_rate))
        else:
            found[name] = observe(damaged, file.sample_rate)
    if "swapped channels" in faults:  # another version of the song: one with another equaliser
        other = observe(FAULTS["boomy"].generate(audio, file.sample_rate, 9.0), file.sample_rate)
        found |= {n: replace(found[n], other=other) for n in ("", "swapped channels")}
    return number, found


def _table(
    rows: list[dict[str, str]],
    finished: dict[int, Observations],
    damaged: dict[str, dict[int, Observations]],
) -> pd.DataFrame:
    """One row per fault."""
    clean: dict[str, dict[int, float]] = {name: {} for name in FAULTS}
    faulty: dict[str, dict[int, float]] = {name: {} for name in FAULTS}
    thresholds: dict[tuple[str, int], float] = {}
    for fold in sorted({row["fold"] for row in rows}):
        kept = {n: one for n, one in finished.items() if rows[n]["fold"] != fold}
        reference = fit_reference(kept, damaged, {n: rows[n]["fold"] for n in kept})
        for name, fault in FAULTS.items():
            for scores, songs in ((clean[name], finished), (faulty[name], damaged[name])):
                tested = [n for n in songs if rows[n]["fold"] == fold]
                scores |= {n: excess(fault, songs[n], reference) for n in tested}
            thresholds |= {
                (name, n): threshold(fault, reference)
                for n, row in enumerate(rows)
                if row["fold"] == fold
            }
    table = [_row(name, clean[name], faulty[name], thresholds) for name in FAULTS if faulty[name]]
    alarms = np.array([[clean[name][n] > 0 for name in FAULTS] for n in finished])
    print(
        f"{len(finished)} finished songs, {max(map(len, damaged.values()))} of them with each "
        f"fault; any alarm on a finished song: {100 * alarms.any(1).mean():.0f} %\n"
    )
    return pd.DataFrame(table).set_index("fault")


def _row(
    name: str,
    clean: dict[int, float],
    faulty: dict[int, float],
    thresholds: dict[tuple[str, int], float],
) -> dict[str, str]:
    """clean, faulty: song → score over its threshold. The AUC is of the same songs."""
    over = [{n: x for n, x in scores.items() if not np.isnan(x)} for scores in (clean, faulty)]
    negative, positive = (
        np.array([x + thresholds[name, n] for n, x in scores.items() if n in faulty])
        for scores in over
    )
    alarms, found = (np.array(list(scores.values())) > 0 for scores in over)
    rng = np.random.default_rng(0)
    draws = [
        _auc(rng.choice(negative, len(negative)), rng.choice(positive, len(positive)))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    return {
        "fault": name,
        "strong": FAULTS[name].severity,
        "AUC": f"{_auc(negative, positive):.3f} [{low:.3f}, {high:.3f}]",
        "found": f"{100 * found.mean():.0f} %",
        "false alarms": f"{100 * alarms.mean():.1f} %",
    }


def _auc(negative: np.ndarray, positive: np.ndarray) -> float:
    labels = np.r_[np.zeros(len(negative)), np.ones(len(positive))]
    return float(roc_auc_score(labels, np.r_[negative, positive]))


if __name__ == "__main__":
    main()
