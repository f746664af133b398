"""Information bound: the lowest knob error from long-term levels, for `reference` and `blind`.

python benchmarks/information_bound.py data.root=/my/music      five folds, half an hour on a core
python benchmarks/information_bound.py folds=1 ranges=musical   with any overrides of make train

Under `reference`, a model compares the rough with another excerpt of the finished production; under
`blind`, with the distribution of productions. Both differ from the finished excerpt by an unknown
amount that exceeds the effect of the knobs. The bound uses the long-term third-octave levels of mid
and side: the covariance C of their differences within and between training songs (Ledoit & Wolf,
"A well-conditioned estimator for large-dimensional covariance matrices", 2004), and the Jacobian J
of the levels with respect to the knobs of the test songs. The best estimate from these levels has
the variance (JᵀC⁻¹J + 12)⁻¹ (Bishop, Pattern Recognition and Machine Learning, 2006, eq. 3.51; 1/12
is the variance of a uniformly distributed knob), and a mean error of √(2/π) of its root. Other
information (dynamics, musical content) is ignored, so a model may be slightly better.
"""

import math
import sys
from collections.abc import Iterator

import hydra
import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig
from sklearn.covariance import ledoit_wolf

from ai_mixer.config.folder import config_folder
from ai_mixer.console import Console
from ai_mixer.core.types import Batch
from ai_mixer.inference.long_term_levels import long_term_db
from ai_mixer.metrics.knob_skill import (
    GAIN_KNOBS,
    HEADLINE_KNOBS,
    total_gain_db,
    total_gain_travel_db,
)
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.markdown import to_markdown

STEP = 0.02  # of a knob's range, to either side
PRIOR = 12.0  # information of a knob that is uniformly distributed over its range
MEAN_ERROR = math.sqrt(2.0 / math.pi)  # mean absolute value of a standard normal distribution


def main(overrides: list[str]) -> None:
    """Print mean errors and skills by knob."""
    folds = int(next((w.partition("=")[2] for w in overrides if w.startswith("folds=")), 5))
    overrides = [text for text in overrides if not text.startswith("folds=")]
    rows = pd.concat([_fold(overrides, f"{fold}/{max(folds, 5)}") for fold in range(folds)])
    errors = rows.groupby("information", sort=False).mean().T
    skills = 1.0 - errors.div(errors["nothing"], axis=0)
    for table in (errors, skills):
        table.loc["headline"] = table.loc[table.index.intersection(HEADLINE_KNOBS)].mean()
    informed = [name for name in errors if name != "nothing"]
    table = pd.concat([errors, skills[informed].add_suffix(", skill")], axis=1)
    print(to_markdown(table.dropna().map("{:.3f}".format).rename_axis("knob")))
    print(f"\n{len(rows) // errors.shape[1]} excerpts of test songs")


def _fold(overrides: list[str], fold: str) -> pd.DataFrame:
    """Mean errors by knob; one row per test excerpt and kind of information."""
    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        cfg = hydra.compose(
            "stage/train", ["experiment=leaderboard", *overrides, f"data.fold={fold}"]
        )
    console = hydra.utils.instantiate(cfg.console)
    finished, reference = _levels_of(cfg, console)
    information = {
        "nothing": np.zeros((finished.shape[1],) * 2),
        "another excerpt": _information(reference - finished),
        "the song alone": _information(finished - finished.mean(0)),
    }
    rows = []
    for batch in _examples(cfg, console, "test"):
        jacobian = _jacobian(console, batch)
        rows += [
            {"information": name, **_remaining_errors(console, batch, jacobian, matrix)}
            for name, matrix in information.items()
        ]
    return pd.DataFrame(rows)


def _information(differences_db: np.ndarray) -> np.ndarray:
    return np.linalg.inv(ledoit_wolf(differences_db, assume_centered=True)[0])


def _examples(cfg: DictConfig, console: Console, split: str) -> Iterator[Batch]:
    """One excerpt of each song, the same as in `make leaderboard`."""
    data = build_evaluation_datamodule(
        cfg, console, None, "reference", held_out_per_song=1
    ).dataset(split)
    return (Batch.collate([data[0, number]]) for number in range(len(data)))


def _levels_of(cfg: DictConfig, console: Console) -> tuple[np.ndarray, np.ndarray]:
    """Levels of the training songs' finished versions and other excerpts: [songs, bands] dB."""
    pairs = []
    for batch in _examples(cfg, console, "train"):
        level, floor = long_term_db(batch.finished, batch.sample_rate)
        other, _ = long_term_db(batch.reference, batch.sample_rate, floor)
        pairs.append([level[0].numpy(), other[0].numpy()])
    finished, reference = np.array(pairs).transpose(1, 0, 2)
    return finished, reference


def _jacobian(console: Console, batch: Batch) -> np.ndarray:
    """Derivative of the levels by the knob positions: [bands, P] in dB."""
    steps = STEP * torch.eye(len(console.names))
    ends = [(batch.knobs + side * steps).clamp(0.0, 1.0) for side in (-1.0, 1.0)]
    _, floor = long_term_db(batch.finished, batch.sample_rate)
    roughs = batch.rough.expand(len(steps), -1, -1)
    mixes = (console(roughs, batch.sample_rate, end, limit=False) for end in ends)
    low, high = (long_term_db(mix, batch.sample_rate, floor)[0] for mix in mixes)
    travel = (ends[1] - ends[0]).diagonal()[:, None]
    return ((high - low) / travel).double().numpy().T


def _remaining_errors(
    console: Console, batch: Batch, jacobian: np.ndarray, information: np.ndarray
) -> dict[str, float]:
    """Mean error of each knob that counts and of the total gain, as shares of the range."""
    counts = batch.mask[0].numpy()
    columns = jacobian[:, counts]
    precision = columns.T @ information @ columns + PRIOR * np.eye(counts.sum())
    variance = np.zeros((len(counts), len(counts)))
    variance[np.ix_(counts, counts)] = np.linalg.inv(precision)
    names = np.array(console.names)
    deviation = np.sqrt(variance.diagonal())
    errors = {str(names[n]): MEAN_ERROR * deviation[n] for n in np.flatnonzero(counts)}
    gains = np.isin(names, GAIN_KNOBS)
    if counts[gains].all():
        weight = _gain_gradient(console, batch.knobs) * gains
        errors["total_gain"] = MEAN_ERROR * float(np.sqrt(weight @ variance @ weight))
    return errors


def _gain_gradient(console: Console, knobs: torch.Tensor) -> np.ndarray:
    """Derivative of the total gain, as a share of its range, by each knob: [P]."""
    steps = STEP * torch.eye(knobs.shape[1])
    low, high = ((knobs + side * steps).clamp(0.0, 1.0) for side in (-1.0, 1.0))
    change_db = total_gain_db(console.knobs, console.settings(high)) - total_gain_db(
        console.knobs, console.settings(low)
    )
    return change_db / (high - low).diagonal().numpy() / total_gain_travel_db(console.knobs)


if __name__ == "__main__":
    with torch.no_grad():
        main(sys.argv[1:])
