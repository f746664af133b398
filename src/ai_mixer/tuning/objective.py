"""What a trial is: a training with the values that the sampler proposes, and its figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hydra
import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, open_dict
from optuna import Trial
from optuna.pruners import NopPruner, WilcoxonPruner
from pytorch_lightning import Callback

from ai_mixer.config.folder import config_folder
from ai_mixer.tracking import Run, Store
from ai_mixer.tracking.resume_points import can_go_on
from ai_mixer.tracking.run_lookup import children
from ai_mixer.tuning.pruning_callback import Pruning, SongErrors
from ai_mixer.tuning.search_space import OPTIONAL, Param, Space, words
from ai_mixer.tuning.study import Plan, watched
from ai_mixer.tuning.trial_queue import history

TRIAL, STATE, FOLD = "sweep.trial", "sweep.state", "sweep.fold"  # tags of a run
THREADS = "sweep.threads"  # what a worker had

Train = Callable[..., Run]
"""`stages.train.train`, or whatever takes its arguments and leaves a run with metrics."""


@dataclass(frozen=True)
class Composed:
    """A training's config without Hydra's own part, and the option chosen in each group."""

    cfg: DictConfig
    choices: dict[str, str]


def compose(asked: Sequence[str]) -> Composed:
    """What words of a training compose, within a running stage or outside one."""
    if GlobalHydra.instance().is_initialized():
        cfg = hydra.compose("stage/train", list(asked), return_hydra_config=True)
    else:
        with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
            cfg = hydra.compose("stage/train", list(asked), return_hydra_config=True)
    chosen = cfg.hydra.runtime.choices
    choices = {k: str(v) for k, v in chosen.items() if not k.startswith("hydra/")}
    with open_dict(cfg):
        del cfg["hydra"]
    return Composed(cfg, choices)


def exists(key: str, cfg: DictConfig) -> bool:
    """Whether a key of a space is there to be set; only a model's or loss's own may be missing."""
    nothing = object()
    return (
        not key.startswith(OPTIONAL) or OmegaConf.select(cfg, key, default=nothing) is not nothing
    )


class TrainTrial:
    """Trains a trial and returns its figures; k folds of it where the study has `cv`."""

    def __init__(
        self,
        train: Train,
        study: str,
        plan: Plan,
        store: Store,
        more: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        # more: words that say where files lie, and are no part of the study; hint: what to do where
        # a training is stopped.
        self._train, self._study, self._plan, self._store = train, study, plan, store
        self._more, self._hint = list(more), hint
        self._space = Space.from_json(plan.space)
        self._defaults = compose([]).cfg

    def __call__(self, trial: Trial) -> Sequence[float] | None:
        """The objectives' values; None if pruned."""
        asked = [*self._plan.words, *words(self._suggested(trial))]
        if self._plan.cv is None:
            return self._one(trial, asked)
        return self._folds(trial, asked, self._plan.cv)

    def _suggested(self, trial: Trial) -> dict[str, Param]:
        """Config groups first: which of a model's keys there are depends on the model."""
        own = {key for key in self._space.keys if key.startswith(OPTIONAL)}
        if not self._space.keys.keys() & {"model", "loss", "loss/term"}:
            return self._space.suggest(trial)
        params = self._space.only(lambda key: key not in own).suggest(trial)
        if own:
            cfg = compose([*self._plan.words, *words(params)]).cfg
            params |= self._space.only(lambda key: key in own and exists(key, cfg)).suggest(trial)
        return params

    def _one(self, trial: Trial, asked: list[str]) -> Sequence[float] | None:
        tags = {TRIAL: str(_origin(trial))}
        (metric, *_) = self._plan.objectives
        watchers = []
        if not isinstance(trial.study.pruner, NopPruner):
            watchers = [Pruning(trial, watched(metric))]
        run = self._training(trial, asked, self._plan.parent, tags, watchers)
        if watchers and watchers[0].pruned:
            run.set_tags({STATE: "pruned"})
            return None
        return self._values(run.id)

    def _folds(self, trial: Trial, asked: list[str], folds: int) -> Sequence[float] | None:
        """The mean over the folds, which are children of the trial's run."""
        wilcoxon = isinstance(trial.study.pruner, WilcoxonPruner)
        values: list[Sequence[float]] = []
        with self._trial_run(trial, f"{self._study}, trial {trial.number}, {folds} folds") as run:
            for fold in range(folds):
                name = f"{fold}/{folds}"
                errors = SongErrors(watched(self._plan.objectives[0]), bool(self._plan.maximize))
                tags = {FOLD: name}
                words_ = [*asked, f"data.fold={name}"]
                one = self._training(trial, words_, run.id, tags, [errors] if wilcoxon else [])
                values.append(self._values(one.id))
                mean = np.mean(values, axis=0).tolist()
                if wilcoxon:
                    self._report_songs(trial, name, errors.errors)
                elif len(mean) == 1:
                    trial.report(mean[0], fold)
                if len(mean) == 1 and fold + 1 < folds and trial.should_prune():
                    run.set_tags({STATE: "pruned"})
                    return None
            run.log_metrics(dict(zip(self._plan.objectives, mean, strict=True)))
        return mean

    def _report_songs(self, trial: Trial, fold: str, errors: Mapping[int, float]) -> None:
        """Higher is better where the objective is one to maximize; a kept fold's are remembered."""
        key, sign = f"songs {fold}", -1.0 if self._plan.maximize else 1.0
        if errors:
            trial.set_user_attr(key, {str(song): sign * error for song, error in errors.items()})
        for song, value in trial.user_attrs.get(key, {}).items():
            trial.report(value, int(song))

    def _training(
        self,
        trial: Trial,
        asked: list[str],
        parent: str,
        tags: dict[str, str],
        watchers: Sequence[Callback],
    ) -> Run:
        """A child of `parent` with these tags, trained; gone on with if a worker left it."""
        composed = compose([*asked, *self._more])
        cfg, said = composed.cfg, list(asked)
        before = self._known(parent, tags)
        if before is not None and before.info.status == "FINISHED":
            return Run(self._store, before.info.run_id)
        fold = f", fold {tags[FOLD]}" if FOLD in tags else ""
        cfg.run_name = f"{self._study}, trial {trial.number}{fold}"
        cfg.cv = cfg.ckpt = None
        if before is not None and can_go_on(before):
            cfg.ckpt = before.info.run_id
            said.append(f"ckpt={cfg.ckpt}")
        return self._train(
            cfg,
            self._defaults,
            said,
            composed.choices,
            parent,
            tags={**tags, **_threads()},
            watchers=watchers,
            judged=False,
            hint=self._hint,
        )

    def _trial_run(self, trial: Trial, name: str) -> Run:
        """The run that a trial's folds are part of."""
        tags = {TRIAL: str(_origin(trial))}
        known = self._known(self._plan.parent, tags)
        if known is not None:
            return Run.resume(self._store, known.info.run_id)
        experiment = str(compose(self._plan.words).cfg.experiment_name)
        tags |= _threads()
        return Run.start(self._store, experiment, name, tags, parent_id=self._plan.parent)

    def _known(self, parent: str, tags: Mapping[str, str]) -> Any:
        """The child of a run that has these tags, as MLflow knows it; None if there is none."""
        runs = children(self._store, parent)
        return next((run for run in runs if tags.items() <= run.data.tags.items()), None)

    def _values(self, run_id: str) -> list[float]:
        """The objectives as the run has them. KeyError, naming what there is, if one is missing."""
        metrics = self._store.client.get_run(run_id).data.metrics
        for name in self._plan.objectives:
            if name not in metrics:
                known = ", ".join(sorted(n for n in metrics if not n.startswith("system/")))
                raise KeyError(f"{name} is no metric of the run; there are {known}")
        return [float(metrics[name]) for name in self._plan.objectives]


def _threads() -> dict[str, str]:
    return {THREADS: str(torch.get_num_threads())}


def _origin(trial: Trial) -> int:
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    return next(iter(history(frozen)), trial.number)
