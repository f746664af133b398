"""Entries of the leaderboard: finished cross-validations, one entry for all seeds of a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ai_mixer.config.stage_command import stage_command
from ai_mixer.inference.predictor import Predictor, load_model
from ai_mixer.tracking.overrides import publishable, stored_overrides
from ai_mixer.tracking.run import artifact_folder
from ai_mixer.tracking.run_lookup import FOLDS_TAG, all_runs, finished_folds
from ai_mixer.tracking.store import Store

ENSEMBLE_TAG = "ensemble"  # tag of a run made of other runs


@dataclass
class LeaderboardEntry:
    """One recipe. seeds: seed → fold → folder of the model. minutes: duration of every fold."""

    title: str
    command: str = ""
    seeds: dict[int, dict[str, Path]] = field(default_factory=dict)
    minutes: list[float] = field(default_factory=list)
    is_ensemble: bool = False  # made of other entries (`make ensemble`)

    def predictors(self, fold: str, allow_targets: Sequence[str] = ()) -> dict[str, Predictor]:
        """Load the models of a fold: `<title> <seed>` → predictor."""
        return {
            f"{self.title} {seed}": load_model(folds[fold], allow_targets)
            for seed, folds in sorted(self.seeds.items())
        }


def find_entries(
    store: Store, experiment: str, folds: int
) -> tuple[list[LeaderboardEntry], dict[str, str]]:
    """Return the entries of an experiment, and run id → reason of the excluded cross-validations.

    Of runs with equal name and seed, the newest counts. ValueError if there is no entry.
    """
    rows: dict[str, LeaderboardEntry] = {}
    excluded: dict[str, str] = {}
    for run in all_runs(store):
        if run.data.tags.get(FOLDS_TAG) != str(folds) or _experiment(store, run) != experiment:
            continue
        title = str(run.info.run_name).partition(",")[0]
        parts = finished_folds(store, run.info.run_id)
        if run.info.status != "FINISHED" or len(parts) < folds:
            excluded[run.info.run_id[:8]] = f"{title}: {len(parts)} of {folds} folds are finished"
            continue
        seed = int(_config(run).get("seed", 0))
        row = rows.setdefault(title, LeaderboardEntry(title))
        if seed in row.seeds:
            excluded[run.info.run_id[:8]] = f"{title}: replaced by a newer run of the same seed"
        else:
            folders = {fold: artifact_folder(one.info.artifact_uri) for fold, one in parts.items()}
            row.seeds[seed] = folders
            row.command = row.command or _command(run, title)
            row.is_ensemble = ENSEMBLE_TAG in run.data.tags
            row.minutes.extend(map(_minutes, parts.values()))
    entries = [row for row in rows.values() if row.seeds]
    if not entries:
        raise ValueError(
            f"no finished cross-validation of {folds} folds in experiment {experiment!r}: "
            f"run `{stage_command('train')} experiment=leaderboard model=… data.root=… cv=5`"
        )
    return entries, excluded


def _experiment(store: Store, run: Any) -> str:
    return str(store.client.get_experiment(run.info.experiment_id).name)


def _config(run: Any) -> Mapping[str, Any]:
    config = OmegaConf.load(artifact_folder(run.info.artifact_uri) / "config.yaml")
    return OmegaConf.to_container(config)  # type: ignore[return-value]


def _command(run: Any, title: str) -> str:
    tags = run.data.tags
    if ENSEMBLE_TAG in tags:
        return stage_command("ensemble", [f"runs={tags[ENSEMBLE_TAG]}", f"name={title}"])
    overrides = stored_overrides(artifact_folder(run.info.artifact_uri), tags)
    return stage_command("train", publishable(overrides))


def _minutes(run: Any) -> float:
    return (run.info.end_time - run.info.start_time) / 60_000
