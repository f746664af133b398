"""Optuna's plots of a study, as files."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.trial import TrialState

DPI = 120


def plot_study(study: Study, folder: Path, names: Sequence[str]) -> list[Path]:
    """Plot history, importance and parallel coordinates of each objective. Return the files.

    names: of the objectives, in the order of a trial's values.
    Importance needs two trials with different values; plots without enough trials are omitted.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from optuna.visualization import matplotlib as optuna_plots

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    kinds: dict[str, Callable[..., Any]] = {"history": optuna_plots.plot_optimization_history}
    if len(complete) > 1:
        kinds["parallel"] = optuna_plots.plot_parallel_coordinate
        if len({trial.values[0] for trial in complete}) > 1:
            kinds["importance"] = optuna_plots.plot_param_importances
    files = []
    with warnings.catch_warnings(), mpl.rc_context():
        warnings.simplefilter("ignore")  # experimental API; logarithms of categories
        plt.switch_backend("Agg")
        for number, target_name in enumerate(names) if complete else ():
            target = None if len(names) == 1 else lambda t, n=number: t.values[n]
            for name, plot in kinds.items():
                plot(study, target=target, target_name=target_name)
                file = folder / f"{name}{number if number else ''}.png"
                plt.gcf().savefig(file, dpi=DPI, bbox_inches="tight")
                files.append(file)
                plt.close("all")
    return files
