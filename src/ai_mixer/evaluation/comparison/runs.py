"""The compared runs: look up, load and label them A, B, C …"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import pandas as pd
from omegaconf import OmegaConf

from ai_mixer.inference.predictor import Predictor
from ai_mixer.inference.track_predictor import TrackPredictor, is_track_model
from ai_mixer.tracking import find_run
from ai_mixer.tracking.params import flatten

LETTERS = "ABCDEF"  # the page has six colours
IGNORED_KEYS = (  # names, paths, and copies of the seed
    *("run_name", "experiment_name", "paths.", "ckpt_path", "loader.workers", "loader.seed"),
    *("callbacks.reseed.seed", "quiet"),
)


Model = TypeVar("Model", Predictor, TrackPredictor)


class ComparedRun(NamedTuple, Generic[Model]):
    """A compared run: its letter, title, folder and model."""

    letter: str
    title: str
    folder: Path
    predictor: Model

    @property
    def version(self) -> str:
        """Name of its mix on the page: mix1, mix2 …"""
        return f"mix{LETTERS.index(self.letter) + 1}"


def find_compared_runs(runs: Sequence[str], mlruns: str) -> list[Path]:
    """Folders of the runs named by `runs=`; the first is A.

    ValueError or FileNotFoundError (one line) for a wrong number, a duplicate, an unknown run, or
    models of one file and of several tracks.
    """
    if not 2 <= len(runs) <= len(LETTERS):
        raise ValueError(f"runs={','.join(runs)}: name two to {len(LETTERS)} runs, runs=last,3f2a")
    found: dict[Path, str] = {}
    for run in runs:
        folder = find_run(run, mlruns)
        if folder in found:
            raise ValueError(f"runs={','.join(runs)}: {run} and {found[folder]} are one run")
        found[folder] = run
    kinds = {is_track_model(folder): run for folder, run in found.items()}
    if len(kinds) > 1:
        raise ValueError(
            f"runs={','.join(runs)}: {kinds[True]} mixes several tracks and {kinds[False]} one "
            "file: compare runs of one kind"
        )
    return list(found)


def load_compared_runs(
    folders: Sequence[Path], load: Callable[[Path], Model]
) -> list[ComparedRun[Model]]:
    """Load the models of runs; the first is A."""
    loaded = []
    for letter, folder in zip(LETTERS, folders, strict=False):
        predictor = load(folder)
        name = predictor.config.get("run_name", folder.name)
        title = f"{name} {predictor.card.get('run', '')[:6]}".strip()
        loaded.append(ComparedRun(letter, title, folder, predictor))
    return loaded


def config_differences(runs: Sequence[ComparedRun[Model]]) -> pd.DataFrame:
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
