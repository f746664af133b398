"""How much of the knobs the long-term levels can tell: the bound of `reference` and of `blind`.

python benchmarks/bound.py data.root=/my/music      five folds; half an hour of a core
python benchmarks/bound.py folds=1 ranges=musical   any word of make train fits

A model under `reference` compares the rough with another excerpt of the finished production; blind,
with what productions sound like. Either differs from the finished excerpt itself by more than the
knobs move, and no model can know by how much. Measured here on the long-term third-octave levels of
mid and side: their differences within and between the training songs (covariances, Ledoit & Wolf,
"A well-conditioned estimator for large-dimensional covariance matrices", 2004), and how the knobs
of the test songs move them. The best estimate from such levels leaves the variance (JᵀC⁻¹J + 12)⁻¹
(Bishop, Pattern Recognition and Machine Learning, 2006, eq. 3.51; 1/12 is the variance of a knob
drawn at random) and a mean error of √(2/π) of its root. What is not in long-term levels (how the
level moves, what is played) is left out, so a model may do a little better.
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
from ai_mixer.inference.refinement import long_term_db
from ai_mixer.metrics.knob_skill import (
    GAIN_KNOBS,
    HEADLINE_KNOBS,
    total_gain_db,
    total_gain_travel_db,
)
from ai_mixer.training.builders import build_evaluation_datamodule
from ai_mixer.utils.markdown import to_markdown

STEP = 0.02  # of a knob's travel, to either side
PRIOR = 12.0  # information of a knob drawn at random from its travel
MEAN_ERROR = math.sqrt(2.0 / math.pi)  # of a normal distribution of deviation 1


def main(overrides: list[str]) -> None:
    """A table of mean errors, knob by knob, and of skills."""
    folds = int(next((w.partition("=")[2] for w in overrides if w.startswith("folds=")), 5))
    asked = [word for word in overrides if not word.startswith("folds=")]
    left = pd.concat([_fold(asked, f"{fold}/{max(folds, 5)}") for fold in range(folds)])
    errors = left.groupby("told by", sort=False).mean().T
    skills = 1.0 - errors.div(errors["nothing"], axis=0)
    for table in (errors, skills):
        table.loc["headline"] = table.loc[table.index.intersection(HEADLINE_KNOBS)].mean()
    explained = [name for name in errors if name != "nothing"]
    table = pd.concat([errors, skills[explained].add_suffix(", skill")], axis=1)
    print(to_markdown(table.dropna().map("{:.3f}".format).rename_axis("knob")))
    print(f"\n{len(left) // errors.shape[1]} excerpts of test songs")


def _fold(overrides: list[str], fold: str) -> pd.DataFrame:
    """A row for each test excerpt and for what tells of it: the mean error left, by knob."""
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
        slope = _slope(console, batch)
        rows += [
            {"told by": name, **_remaining_errors(console, batch, slope, known)}
            for name, known in information.items()
        ]
    return pd.DataFrame(rows)


def _information(differences_db: np.ndarray) -> np.ndarray:
    return np.linalg.inv(ledoit_wolf(differences_db, assume_centered=True)[0])


def _examples(cfg: DictConfig, console: Console, split: str) -> Iterator[Batch]:
    """One excerpt of each song, as `make leaderboard` draws them."""
    data = build_evaluation_datamodule(
        cfg, console, None, "reference", held_out_per_song=1
    ).dataset(split)
    return (Batch.collate([data[0, number]]) for number in range(len(data)))


def _levels_of(cfg: DictConfig, console: Console) -> tuple[np.ndarray, np.ndarray]:
    """Of the training songs' finished versions and of their other excerpts: [songs, bands] dB."""
    pairs = []
    for batch in _examples(cfg, console, "train"):
        level, floor = long_term_db(batch.finished, batch.sample_rate)
        other, _ = long_term_db(batch.reference, batch.sample_rate, floor)
        pairs.append([level[0].numpy(), other[0].numpy()])
    finished, reference = np.array(pairs).transpose(1, 0, 2)
    return finished, reference


def _slope(console: Console, batch: Batch) -> np.ndarray:
    """By how many dB each level moves per travel of each knob: [bands, P]."""
    steps = STEP * torch.eye(len(console.names))
    ends = [(batch.knobs + side * steps).clamp(0.0, 1.0) for side in (-1.0, 1.0)]
    _, floor = long_term_db(batch.finished, batch.sample_rate)
    roughs = batch.rough.expand(len(steps), -1, -1)
    mixes = (console(roughs, batch.sample_rate, end, limit=False) for end in ends)
    low, high = (long_term_db(mix, batch.sample_rate, floor)[0] for mix in mixes)
    travel = (ends[1] - ends[0]).diagonal()[:, None]
    return ((high - low) / travel).double().numpy().T


def _remaining_errors(
    console: Console, batch: Batch, slope: np.ndarray, information: np.ndarray
) -> dict[str, float]:
    """Mean error that is left of each audible knob and of the total gain, as shares of travel."""
    heard = batch.mask[0].numpy()
    here = slope[:, heard]
    explained = here.T @ information @ here + PRIOR * np.eye(heard.sum())
    variance = np.zeros((len(heard), len(heard)))
    variance[np.ix_(heard, heard)] = np.linalg.inv(explained)
    names = np.array(console.names)
    deviation = np.sqrt(variance.diagonal())
    errors = {str(names[n]): MEAN_ERROR * deviation[n] for n in np.flatnonzero(heard)}
    gains = np.isin(names, GAIN_KNOBS)
    if heard[gains].all():
        weight = _gain_slope(console, batch.knobs) * gains
        errors["total_gain"] = MEAN_ERROR * float(np.sqrt(weight @ variance @ weight))
    return errors


def _gain_slope(console: Console, knobs: torch.Tensor) -> np.ndarray:
    """Of the total gain, as a share of its travel, by each knob: [P]."""
    steps = STEP * torch.eye(knobs.shape[1])
    low, high = ((knobs + side * steps).clamp(0.0, 1.0) for side in (-1.0, 1.0))
    moved = total_gain_db(console.settings(high)) - total_gain_db(console.settings(low))
    return moved / (high - low).diagonal().numpy() / total_gain_travel_db(console.knobs)


if __name__ == "__main__":
    with torch.no_grad():
        main(sys.argv[1:])
