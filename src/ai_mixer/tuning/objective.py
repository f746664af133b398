"""What a trial is: a training with the values that the sampler proposes, and its figure."""

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
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import can_resume
from ai_mixer.tracking.run_lookup import child_runs
from ai_mixer.tuning.pruning_callback import PruningCallback, SongErrorsCallback
from ai_mixer.tuning.search_space import OPTIONAL_PREFIXES, ParamValue, SearchSpace, to_overrides
from ai_mixer.tuning.study import StudyConfig, epoch_metric
from ai_mixer.tuning.trial_queue import retry_history

TRIAL_TAG, STATE_TAG, FOLD_TAG = "sweep.trial", "sweep.state", "sweep.fold"  # tags of a run
THREADS_TAG = "sweep.threads"  # what a worker had

TrainFunction = Callable[..., Run]
"""`stages.train.train`, or whatever takes its arguments and leaves a run with metrics."""


@dataclass(frozen=True)
class ComposedConfig:
    """A training's config without Hydra's own part, and the option chosen in each group."""

    cfg: DictConfig
    choices: dict[str, str]


def compose(asked: Sequence[str]) -> ComposedConfig:
    """What words of a training compose, within a running stage or outside one."""
    return ComposedConfig(*compose_with_choices("train", asked))


def key_exists(key: str, cfg: DictConfig) -> bool:
    """Whether a key of a space is there to be set; only a model's or loss's own may be missing."""
    nothing = object()
    return (
        not key.startswith(OPTIONAL_PREFIXES)
        or OmegaConf.select(cfg, key, default=nothing) is not nothing
    )


class TrialObjective:
    """Trains a trial and returns its figures; k folds of it where the study has `cv`."""

    def __init__(
        self,
        train: TrainFunction,
        study: str,
        study_config: StudyConfig,
        store: Store,
        path_overrides: Sequence[str] = (),
        resume_hint: str = "",
    ) -> None:
        # more: words that say where files lie, and are no part of the study; hint: what to do where
        # a training is stopped.
        self._train, self._study, self._study_config, self._store = (
            train,
            study,
            study_config,
            store,
        )
        self._path_overrides, self._resume_hint = list(path_overrides), resume_hint
        self._space = SearchSpace.from_json(study_config.space)
        self._defaults = compose([]).cfg

    def __call__(self, trial: Trial) -> Sequence[float] | None:
        """The objectives' values; None if pruned."""
        asked = [*self._study_config.training_overrides, *to_overrides(self._suggest_params(trial))]
        if self._study_config.cv is None:
            return self._train_once(trial, asked)
        return self._train_folds(trial, asked, self._study_config.cv)

    def _suggest_params(self, trial: Trial) -> dict[str, ParamValue]:
        """Config groups first: which of a model's keys there are depends on the model."""
        own = {key for key in self._space.keys if key.startswith(OPTIONAL_PREFIXES)}
        if not self._space.keys.keys() & {"model", "loss", "loss/term"}:
            return self._space.suggest(trial)
        params = self._space.select(lambda key: key not in own).suggest(trial)
        if own:
            cfg = compose([*self._study_config.training_overrides, *to_overrides(params)]).cfg
            params |= self._space.select(lambda key: key in own and key_exists(key, cfg)).suggest(
                trial
            )
        return params

    def _train_once(self, trial: Trial, asked: list[str]) -> Sequence[float] | None:
        tags = {TRIAL_TAG: str(_original_number(trial))}
        (metric, *_) = self._study_config.objectives
        extra_callbacks = []
        if not isinstance(trial.study.pruner, NopPruner):
            extra_callbacks = [PruningCallback(trial, epoch_metric(metric))]
        run = self._train_child(trial, asked, self._study_config.parent, tags, extra_callbacks)
        if extra_callbacks and extra_callbacks[0].pruned:
            run.set_tags({STATE_TAG: "pruned"})
            return None
        return self._values(run.id)

    def _train_folds(self, trial: Trial, asked: list[str], folds: int) -> Sequence[float] | None:
        """The mean over the folds, which are children of the trial's run."""
        wilcoxon = isinstance(trial.study.pruner, WilcoxonPruner)
        values: list[Sequence[float]] = []
        with self._trial_run(trial, f"{self._study}, trial {trial.number}, {folds} folds") as run:
            for fold in range(folds):
                name = f"{fold}/{folds}"
                errors = SongErrorsCallback(
                    epoch_metric(self._study_config.objectives[0]),
                    bool(self._study_config.maximize),
                )
                tags = {FOLD_TAG: name}
                words_ = [*asked, f"data.fold={name}"]
                one = self._train_child(trial, words_, run.id, tags, [errors] if wilcoxon else [])
                values.append(self._values(one.id))
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
        """Higher is better where the objective is one to maximize; a kept fold's are remembered."""
        key, sign = f"songs {fold}", -1.0 if self._study_config.maximize else 1.0
        if errors:
            trial.set_user_attr(key, {str(song): sign * error for song, error in errors.items()})
        for song, value in trial.user_attrs.get(key, {}).items():
            trial.report(value, int(song))

    def _train_child(
        self,
        trial: Trial,
        asked: list[str],
        parent: str,
        tags: dict[str, str],
        extra_callbacks: Sequence[Callback],
    ) -> Run:
        """A child of `parent` with these tags, trained; gone on with if a worker left it."""
        composed = compose([*asked, *self._path_overrides])
        cfg, said = composed.cfg, list(asked)
        before = self._find_child(parent, tags)
        if before is not None and before.info.status == "FINISHED":
            return Run(self._store, before.info.run_id)
        fold = f", fold {tags[FOLD_TAG]}" if FOLD_TAG in tags else ""
        cfg.run_name = f"{self._study}, trial {trial.number}{fold}"
        cfg.cv = cfg.ckpt_path = None
        if before is not None and can_resume(before):
            cfg.ckpt_path = before.info.run_id
            said.append(f"ckpt_path={cfg.ckpt_path}")
        return self._train(
            cfg,
            self._defaults,
            said,
            composed.choices,
            parent,
            tags={**tags, **_threads()},
            extra_callbacks=extra_callbacks,
            evaluate_after=False,
            resume_hint=self._resume_hint,
        )

    def _trial_run(self, trial: Trial, name: str) -> Run:
        """The run that a trial's folds are part of."""
        tags = {TRIAL_TAG: str(_original_number(trial))}
        known = self._find_child(self._study_config.parent, tags)
        if known is not None:
            return Run.resume(self._store, known.info.run_id)
        experiment = str(compose(self._study_config.training_overrides).cfg.experiment_name)
        tags |= _threads()
        return Run.start(self._store, experiment, name, tags, parent_id=self._study_config.parent)

    def _find_child(self, parent: str, tags: Mapping[str, str]) -> Any:
        """The child of a run that has these tags, as MLflow knows it; None if there is none."""
        runs = child_runs(self._store, parent)
        return next((run for run in runs if tags.items() <= run.data.tags.items()), None)

    def _values(self, run_id: str) -> list[float]:
        """The objectives as the run has them. KeyError, naming what there is, if one is missing."""
        metrics = self._store.client.get_run(run_id).data.metrics
        for name in self._study_config.objectives:
            if name not in metrics:
                known = ", ".join(sorted(n for n in metrics if not n.startswith("system/")))
                raise KeyError(f"{name} is no metric of the run; there are {known}")
        return [float(metrics[name]) for name in self._study_config.objectives]


def _threads() -> dict[str, str]:
    return {THREADS_TAG: str(torch.get_num_threads())}


def _original_number(trial: Trial) -> int:
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    return next(iter(retry_history(frozen)), trial.number)
