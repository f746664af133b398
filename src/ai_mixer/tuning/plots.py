"""Plots of a study: history, parallel coordinates and importances, with the numbers of its runs.

Not Optuna's own: they number trials by their position in the storage, which differs from the number
of the run after a restart, and cut or overlap long names of parameters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna import Study
from optuna.importance import get_param_importances
from optuna.trial import FrozenTrial, TrialState

from ai_mixer.tuning.axis_scale import NOT_SET, AxisScale
from ai_mixer.tuning.trial_queue import original_number, unique_trials

DPI = 120
MIN_TRIALS_FOR_IMPORTANCE = 20
FEW_TRIALS = (
    f"importances of {{}} trials are unreliable: fewer than {MIN_TRIALS_FOR_IMPORTANCE} were "
    "complete"
)
LABELLED = 3  # best trials that are named in a plot


@dataclass(frozen=True)
class Objective:
    """One objective of a study: its position among a trial's values, its name and direction."""

    number: int
    name: str
    maximize: bool

    def value(self, trial: FrozenTrial) -> float:
        """Value of a complete trial."""
        return float(trial.values[self.number])

    def best(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The trials, the best first."""
        return sorted(trials, key=self.value, reverse=self.maximize)


def complete_trials(study: Study) -> list[FrozenTrial]:
    """Complete trials in the order of their numbers in MLflow."""
    complete = [trial for trial in unique_trials(study) if trial.state is TrialState.COMPLETE]
    return sorted(complete, key=original_number)


def plot_study(
    study: Study, folder: Path, objectives: Sequence[Objective], run_ids: Mapping[int, str]
) -> list[Path]:
    """Plot history, importance and parallel coordinates of each objective. Return the files.

    run_ids: MLflow run of each trial, by the trial's original number. Importance needs two trials
    with different values; plots without enough trials are omitted.
    """
    trials = complete_trials(study)
    files = []
    for objective in objectives if trials else ():
        kinds: dict[str, Callable[..., Figure]] = {"history": plot_history}
        if len(trials) > 1:
            kinds["parallel"] = plot_parallel
            if len({objective.value(trial) for trial in trials}) > 1:
                kinds["importance"] = plot_importance
        for kind, plot in kinds.items():
            file = folder / f"{kind}{objective.number or ''}.png"
            figure = plot(study, trials, objective, run_ids)
            figure.savefig(file, dpi=DPI, bbox_inches="tight")
            files.append(file)
    return files


def plot_history(
    study: Study,
    trials: Sequence[FrozenTrial],
    objective: Objective,
    run_ids: Mapping[int, str],
) -> Figure:
    """Value of each trial, and the best value so far."""
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    numbers = [original_number(trial) for trial in trials]
    values = np.array([objective.value(trial) for trial in trials])
    best = (np.maximum if objective.maximize else np.minimum).accumulate(values)
    axes.plot(numbers, values, "o", label="trial")
    axes.step(numbers, best, where="post", label="best so far")
    top = objective.best(trials)[0]
    axes.annotate(
        _label(top, run_ids),
        (original_number(top), objective.value(top)),
        xytext=(6, -14 if objective.maximize else 8),
        textcoords="offset points",
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="trial (its number in MLflow)", ylabel=objective.name)
    axes.set_title(f"{study.study_name}: history")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def plot_importance(
    study: Study,
    trials: Sequence[FrozenTrial],
    objective: Objective,
    run_ids: Mapping[int, str],
) -> Figure:
    """Importance of each parameter, with a warning if there are few trials."""
    target = None if len(study.directions) == 1 else objective.value
    importances = get_param_importances(study, target=target)
    names = list(importances)[::-1]
    figure = Figure(figsize=(8, 1.5 + 0.4 * len(names)))
    axes = figure.add_subplot()
    bars = axes.barh(names, [importances[name] for name in names])
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.margins(x=0.1)
    axes.set(xlabel=f"importance for {objective.name}")
    warning = FEW_TRIALS.format(len(trials)) if is_too_few(trials) else ""
    axes.set_title(f"{study.study_name}: importance\n{warning}".rstrip(), fontsize="medium")
    return figure


def is_too_few(trials: Sequence[FrozenTrial]) -> bool:
    """Whether there are too few complete trials for importances."""
    return len(trials) < MIN_TRIALS_FOR_IMPORTANCE


def plot_parallel(
    study: Study,
    trials: Sequence[FrozenTrial],
    objective: Objective,
    run_ids: Mapping[int, str],
) -> Figure:
    """A line per trial through its parameters and its value, on the right; the best are named."""
    known = {key: values for trial in trials for key, values in trial.distributions.items()}
    varied = [key for key in known if len({str(t.params.get(key)) for t in trials}) > 1]
    scales = [AxisScale.of_parameter(key, known[key], trials) for key in varied or known]
    values = [objective.value(trial) for trial in trials]
    scales.append(AxisScale.linear(objective.name, values))
    rows = [[trial.params.get(key) for key in varied or known] for trial in trials]
    figure = Figure(figsize=(max(7.0, 2.2 * len(scales) + 1.0), 5.5))
    axes = figure.add_subplot()
    norm = mpl.colors.Normalize(min(values), max(values))
    colours = mpl.colormaps["viridis" if objective.maximize else "viridis_r"]
    order = {trial.number: place for place, trial in enumerate(objective.best(trials))}
    for trial, row, value in zip(trials, rows, values, strict=True):
        heights = [scale.height(x) for scale, x in zip(scales, [*row, value], strict=True)]
        best = order[trial.number] < LABELLED
        (line,) = axes.plot(heights, color=colours(norm(value)), marker="o", markersize=3)
        line.set(linewidth=2.2 if best else 1.0, alpha=1.0 if best else 0.5)
    for position, scale in enumerate(scales):
        scale.draw(axes, position)
    _name_best(axes, objective, trials, scales[-1], run_ids, len(scales) - 1)
    axes.set_xticks(range(len(scales)), [s.name for s in scales], rotation=20, ha="right")
    axes.set(yticks=[], xlim=(-0.3, len(scales) - 0.2), ylim=(NOT_SET - 0.05, 1.05))
    axes.spines[:].set_visible(False)
    axes.set_title(f"{study.study_name}: parameters and {objective.name} of {len(trials)} trials")
    return figure


def _name_best(
    axes: Axes,
    objective: Objective,
    trials: Sequence[FrozenTrial],
    scale: AxisScale,
    run_ids: Mapping[int, str],
    position: int,
) -> None:
    """Name the best trials at the right, a line apart where their values are close."""
    last = np.inf
    for trial in sorted(objective.best(trials)[:LABELLED], key=objective.value, reverse=True):
        last = min(scale.height(objective.value(trial)), last - 0.06)
        axes.text(position + 0.35, last, _label(trial, run_ids), va="center", fontsize="small")


def _label(trial: FrozenTrial, run_ids: Mapping[int, str]) -> str:
    number = original_number(trial)
    return f"trial {number}, run {run_ids.get(number, 'unknown')[:8]}"
