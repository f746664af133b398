"""The runs that are compared: found, loaded and called A, B, C …"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import OmegaConf

from ai_mixer.inference.predictor import Mixer, load_model
from ai_mixer.tracking import find_run
from ai_mixer.tracking.params import flatten

LETTERS = "ABCDEF"  # as many as the page has colours for
NO_SETTING = (  # names, places, and what only repeats the seed
    *("run_name", "experiment_name", "paths.", "ckpt", "loader.workers", "loader.seed"),
    "callbacks.reseed.seed",
)


class Contender(NamedTuple):
    """A run that is compared: a letter, what it is called, its folder and its model."""

    letter: str
    title: str
    folder: Path
    mixer: Mixer

    @property
    def version(self) -> str:
        """Its mix on the page: mix1, mix2 …"""
        return f"mix{LETTERS.index(self.letter) + 1}"


def contenders(asked: Sequence[str], mlruns: str, trusted: Sequence[str] = ()) -> list[Contender]:
    """The runs of `runs=`, the first one A. ValueError or FileNotFoundError in one line."""
    if not 2 <= len(asked) <= len(LETTERS):
        raise ValueError(f"runs={','.join(asked)}: name two to {len(LETTERS)} runs, runs=last,3f2a")
    found: list[Contender] = []
    for letter, which in zip(LETTERS, asked, strict=False):
        folder = find_run(which, mlruns)
        for other in found:
            if other.folder == folder:
                raise ValueError(
                    f"runs={','.join(asked)}: {which} is the run of {other.title}, too"
                )
        mixer = load_model(folder, trusted)
        title = f"{mixer.config.get('run_name', folder.name)} {mixer.card.get('run', '')[:6]}"
        found.append(Contender(letter, title.strip(), folder, mixer))
    return found


def told(runs: Sequence[Contender]) -> pd.DataFrame:
    """The settings in which the runs' configs differ: a row each, a column per run."""
    leaves = {
        run.letter: dict(flatten(OmegaConf.to_container(run.mixer.config, resolve=True)))
        for run in runs
    }
    names = {name for own in leaves.values() for name in own}
    rows = {
        name: {letter: _said(name, own) for letter, own in leaves.items()}
        for name in sorted(names, key=lambda name: (name.startswith("callbacks."), name))
        if not name.startswith(NO_SETTING)
    }
    apart = {name: row for name, row in rows.items() if len(set(row.values())) > 1}
    letters = [run.letter for run in runs]
    return pd.DataFrame.from_dict(apart, orient="index", columns=letters).rename_axis("setting")


def _said(name: str, leaves: Mapping[str, object]) -> str:
    """A value as text, of a class its own name; nothing and null are the same."""
    value = leaves.get(name)
    text = "–" if value is None else str(value)
    return text.rpartition(".")[2] if name.endswith("_target_") else text
