"""The runs that are compared: found, loaded and called A, B, C …"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import OmegaConf

from ai_mixer.inference.predictor import Predictor, load_model
from ai_mixer.tracking import find_run
from ai_mixer.tracking.params import flatten

LETTERS = "ABCDEF"  # as many as the page has colours for
IGNORED_KEYS = (  # names, places, and what only repeats the seed
    *("run_name", "experiment_name", "paths.", "ckpt_path", "loader.workers", "loader.seed"),
    "callbacks.reseed.seed",
)


class ComparedRun(NamedTuple):
    """A run that is compared: a letter, what it is called, its folder and its model."""

    letter: str
    title: str
    folder: Path
    predictor: Predictor

    @property
    def version(self) -> str:
        """Its mix on the page: mix1, mix2 …"""
        return f"mix{LETTERS.index(self.letter) + 1}"


def load_compared_runs(
    asked: Sequence[str], mlruns: str, allow_targets: Sequence[str] = ()
) -> list[ComparedRun]:
    """The runs of `runs=`, the first one A. ValueError or FileNotFoundError in one line."""
    if not 2 <= len(asked) <= len(LETTERS):
        raise ValueError(f"runs={','.join(asked)}: name two to {len(LETTERS)} runs, runs=last,3f2a")
    found: list[ComparedRun] = []
    for letter, which in zip(LETTERS, asked, strict=False):
        folder = find_run(which, mlruns)
        for other in found:
            if other.folder == folder:
                raise ValueError(
                    f"runs={','.join(asked)}: {which} is the run of {other.title}, too"
                )
        predictor = load_model(folder, allow_targets)
        title = (
            f"{predictor.config.get('run_name', folder.name)} {predictor.card.get('run', '')[:6]}"
        )
        found.append(ComparedRun(letter, title.strip(), folder, predictor))
    return found


def config_differences(runs: Sequence[ComparedRun]) -> pd.DataFrame:
    """The settings in which the runs' configs differ: a row each, a column per run."""
    leaves = {
        run.letter: dict(flatten(OmegaConf.to_container(run.predictor.config, resolve=True)))
        for run in runs
    }
    names = {name for own in leaves.values() for name in own}
    rows = {
        name: {letter: _format_value(name, own) for letter, own in leaves.items()}
        for name in sorted(names, key=lambda name: (name.startswith("callbacks."), name))
        if not name.startswith(IGNORED_KEYS)
    }
    apart = {name: row for name, row in rows.items() if len(set(row.values())) > 1}
    letters = [run.letter for run in runs]
    return pd.DataFrame.from_dict(apart, orient="index", columns=letters).rename_axis("setting")


def _format_value(name: str, leaves: Mapping[str, object]) -> str:
    """A value as text, of a class its own name; nothing and null are the same."""
    value = leaves.get(name)
    text = "–" if value is None else str(value)
    return text.rpartition(".")[2] if name.endswith("_target_") else text
