"""The compared runs: look up, load and label them A, B, C …"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import OmegaConf

from ai_mixer.inference.predictor import Predictor, load_model
from ai_mixer.tracking import find_run
from ai_mixer.tracking.params import flatten

LETTERS = "ABCDEF"  # the page has six colours
IGNORED_KEYS = (  # names, paths, and copies of the seed
    *("run_name", "experiment_name", "paths.", "ckpt_path", "loader.workers", "loader.seed"),
    *("callbacks.reseed.seed", "quiet"),
)


class ComparedRun(NamedTuple):
    """A compared run: its letter, title, folder and model."""

    letter: str
    title: str
    folder: Path
    predictor: Predictor

    @property
    def version(self) -> str:
        """Name of its mix on the page: mix1, mix2 …"""
        return f"mix{LETTERS.index(self.letter) + 1}"


def load_compared_runs(
    runs: Sequence[str], mlruns: str, allow_targets: Sequence[str] = ()
) -> list[ComparedRun]:
    """Load the runs named by `runs=`; the first is A.

    ValueError or FileNotFoundError (one line) for a wrong number, a duplicate or an unknown run.
    """
    if not 2 <= len(runs) <= len(LETTERS):
        raise ValueError(f"runs={','.join(runs)}: name two to {len(LETTERS)} runs, runs=last,3f2a")
    loaded: list[ComparedRun] = []
    for letter, run in zip(LETTERS, runs, strict=False):
        folder = find_run(run, mlruns)
        for other in loaded:
            if other.folder == folder:
                raise ValueError(f"runs={','.join(runs)}: {run} and {other.title} are one run")
        predictor = load_model(folder, allow_targets)
        name = predictor.config.get("run_name", folder.name)
        title = f"{name} {predictor.card.get('run', '')[:6]}".strip()
        loaded.append(ComparedRun(letter, title, folder, predictor))
    return loaded


def config_differences(runs: Sequence[ComparedRun]) -> pd.DataFrame:
    """Config keys whose values differ: one row per key, one column per run."""
    leaves = {
        run.letter: dict(flatten(OmegaConf.to_container(run.predictor.config, resolve=True)))
        for run in runs
    }
    names = {name for config in leaves.values() for name in config}
    rows = {
        name: {letter: _format_value(name, config) for letter, config in leaves.items()}
        for name in sorted(names, key=lambda name: (name.startswith("callbacks."), name))
        if not name.startswith(IGNORED_KEYS)
    }
    different = {name: row for name, row in rows.items() if len(set(row.values())) > 1}
    letters = [run.letter for run in runs]
    return pd.DataFrame.from_dict(different, orient="index", columns=letters).rename_axis("setting")


def _format_value(name: str, leaves: Mapping[str, object]) -> str:
    """Format a value; classes by their name only; missing keys and null as "–"."""
    value = leaves.get(name)
    text = "–" if value is None else str(value)
    return text.rpartition(".")[2] if name.endswith("_target_") else text
