"""Objective of a trial: train with the values that the sampler proposes, return the metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from optuna import Trial
from optuna.pruners import NopPruner, WilcoxonPruner
from pytorch_lightning import Callback

from ai_mixer.config.compose import compose_with_choices
from ai_mixer.config.renamed_metrics import translate_metrics
from ai_mixer.core.metric_names import curve_name
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import can_resume
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.pruning_callback import PruningCallback
from ai_mixer.tuning.search_space import OPTIONAL_PREFIXES, ParamValue, SearchSpace, to_overrides
from ai_mixer.tuning.song_errors import SongErrorsCallback
from ai_mixer.tuning.study import StudyConfig
from ai_mixer.tuning.trial_queue import original_number

TRIAL_TAG, STATE_TAG, FOLD_TAG = "sweep.trial", "sweep.state", "sweep.fold"  # tags of a run
THREADS_TAG = "sweep.threads"  # number of threads of a worker

TrainFunction = Callable[..., Run]
"""`cli.pipeline.train`, or a function with the same arguments that returns a run with metrics."""


@dataclass(frozen=True)
class ComposedConfig:
    """A training's config without Hydra's part, and the option selected in each group."""

    cfg: DictConfig
    choices: dict[str, str]


def compose(overrides: Sequence[str]) -> ComposedConfig:
    """Compose a training's config, within a running stage or outside one."""
    return ComposedConfig(*compose_with_choices("train", overrides))


def key_exists(key: str, cfg: DictConfig) -> bool:
    """Whether a key of a space can be set; only keys of the model and of losses may be missing."""
    missing = object()
    return (
        not key.startswith(OPTIONAL_PREFIXES)
        or OmegaConf.select(cfg, key, default=missing) is not missing
    )


class TrialObjective:
    """Train a trial, or its folds if the study has `cv`, and return its objective values.

    path_overrides: overrides of paths, which are not part of the study. resume_hint: shown if a
    training is interrupted.
    """

    def __init__(
        self,
        train: TrainFunction,
        study: str,
        study_config: StudyConfig,
        store: Store,
        path_overrides: Sequence[str] = (),
        resume_hint: str = "",
    ) -> None:
        self._train, self._study = train, study
        self._study_config, self._store = study_config, store
        self._path_overrides, self._resume_hint = list(path_overrides), resume_hint
        self._space = SearchSpace.from_json(study_config.space)
        self._defaults = compose([]).cfg

    def __call__(self, trial: Trial) -> Sequence[float] | None:
        """Values of the objectives; None if pruned."""
        params = self._suggest_params(trial)
        overrides = [*self._study_config.training_overrides, *to_overrides(params)]
        if self._study_config.cv is None:
            return self._train_once(trial, overrides)
        return self._train_folds(trial, overrides, self._study_config.cv)

    def _suggest_params(self, trial: Trial) -> dict[str, ParamValue]:
        """Suggest config groups first: the model determines which of its keys exist."""
        optional = {key for key in self._space.distributions if key.startswith(OPTIONAL_PREFIXES)}
        if not self._space.distributions.keys() & {"model", "loss", "loss/term"}:
            return self._space.suggest(trial)
        params = self._space.select(lambda key: key not in optional).suggest(trial)
        if optional:
            cfg = compose([*self._study_config.training_overrides, *to_overrides(params)]).cfg
            existing = self._space.select(lambda key: key in optional and key_exists(key, cfg))
            params |= existing.suggest(trial)
        return params

    def _train_once(self, trial: Trial, overrides: list[str]) -> Sequence[float] | None:
        tags = {TRIAL_TAG: str(_original_number(trial))}
        (metric, *_) = self._study_config.objectives
        extra_callbacks = []
        if not isinstance(trial.study.pruner, NopPruner):
            extra_callbacks = [PruningCallback(trial, curve_name(metric))]
        run = self._train_child(trial, overrides, self._study_config.parent, tags, extra_callbacks)
        if extra_callbacks and extra_callbacks[0].pruned:
            run.set_tags({STATE_TAG: "pruned"})
            return None
        return self._values(run.id)

    def _train_folds(
        self, trial: Trial, overrides: list[str], folds: int
    ) -> Sequence[float] | None:
        """Mean values over the folds, whose runs are children of the trial's run."""
        wilcoxon = isinstance(trial.study.pruner, WilcoxonPruner)
        values: list[Sequence[float]] = []
        with self._trial_run(
            trial, f"{self._study}, trial {_original_number(trial)}, {folds} folds"
        ) as run:
            for fold in range(folds):
                name = f"{fold}/{folds}"
                errors = SongErrorsCallback(
                    curve_name(self._study_config.objectives[0]),
                    bool(self._study_config.maximize),
                )
                tags = {FOLD_TAG: name}
                fold_overrides = [*overrides, f"data.fold={name}"]
                callbacks = [errors] if wilcoxon else []
                fold_run = self._train_child(trial, fold_overrides, run.id, tags, callbacks)
                values.append(self._values(fold_run.id))
                mean = np.mean(values, axis=0).tolist()
                if wilcoxon:
                    self._report_songs(trial, name, errors.errors)
                elif len(mean) == 1:
                    trial.report(mean[0], fold)
                if len(mean) == 1 and fold + 1 < folds and trial.should_prune():
                    run.set_tags({STATE_TAG: "pruned"})
                    return None
            run.log_metrics(dict(zip(self._study_config.objectives, mean, strict=True)))
        return mean

    def _report_songs(self, trial: Trial, fold: str, errors: Mapping[int, float]) -> None:
        """Report errors per song, negated if the objective is maximized.

        They are stored with the trial, for a fold that was finished before a restart.
        """
        key, sign = f"songs {fold}", -1.0 if self._study_config.maximize else 1.0
        if errors:
            trial.set_user_attr(key, {str(song): sign * error for song, error in errors.items()})
        for song, value in trial.user_attrs.get(key, {}).items():
            trial.report(value, int(song))

    def _train_child(
        self,
        trial: Trial,
        overrides: list[str],
        parent: str,
        tags: dict[str, str],
        extra_callbacks: Sequence[Callback],
    ) -> Run:
        """Train a child run of `parent` with these tags; resume it if a worker died in it."""
        composed = compose([*overrides, *self._path_overrides])
        cfg, stored_overrides = composed.cfg, list(overrides)
        before = self._find_child(parent, tags)
        if before is not None and before.info.status == "FINISHED":
            return Run(self._store, before.info.run_id)
        fold = f", fold {tags[FOLD_TAG]}" if FOLD_TAG in tags else ""
        cfg.run_name = f"{self._study}, trial {_original_number(trial)}{fold}"
        cfg.cv = cfg.seeds = cfg.ckpt_path = None
        if before is not None and can_resume(before):
            cfg.ckpt_path = before.info.run_id
            stored_overrides.append(f"ckpt_path={cfg.ckpt_path}")
        return self._train(
            cfg,
            self._defaults,
            stored_overrides,
            composed.choices,
            parent,
            tags={**tags, **_threads()},
            extra_callbacks=extra_callbacks,
            evaluate_after=False,
            resume_hint=self._resume_hint,
        )

    def _trial_run(self, trial: Trial, name: str) -> Run:
        """Start or resume the run whose children are the folds of a trial."""
        tags = {TRIAL_TAG: str(_original_number(trial))}
        existing = self._find_child(self._study_config.parent, tags)
        if existing is not None:
            return Run.resume(self._store, existing.info.run_id)
        experiment = str(compose(self._study_config.training_overrides).cfg.experiment_name)
        tags |= _threads()
        return Run.start(self._store, experiment, name, tags, parent_id=self._study_config.parent)

    def _find_child(self, parent: str, tags: Mapping[str, str]) -> Any:
        """The MLflow child run that has these tags; None if there is none."""
        runs = child_runs(self._store, parent)
        return next((run for run in runs if tags.items() <= run.data.tags.items()), None)

    def _values(self, run_id: str) -> list[float]:
        """Values of the objectives in a run. KeyError that lists its metrics if one is missing."""
        metrics = translate_metrics(self._store.client.get_run(run_id).data.metrics)
        for name in self._study_config.objectives:
            if name not in metrics:
                known = ", ".join(sorted(n for n in metrics if not n.startswith("system/")))
                raise KeyError(f"{name} is not a metric of the run; metrics: {known}")
        return [float(metrics[name]) for name in self._study_config.objectives]


def _threads() -> dict[str, str]:
    return {THREADS_TAG: str(torch.get_num_threads())}


def _original_number(trial: Trial) -> int:
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    return original_number(frozen)
