"""Optuna's pictures of a study, as files."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.trial import TrialState

DPI = 120


def plot_study(study: Study, folder: Path, names: Sequence[str]) -> list[Path]:
    """History, importance and parallel coordinates, for each objective. Returns the files.

    names: of the objectives, in the order of a trial's values.
    Importance needs two trials that differ; a picture that cannot be drawn is left out.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from optuna.visualization import matplotlib as pictures

    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    kinds: dict[str, Callable[..., Any]] = {"history": pictures.plot_optimization_history}
    if len(ended) > 1:
        kinds["parallel"] = pictures.plot_parallel_coordinate
        if len({trial.values[0] for trial in ended}) > 1:
            kinds["importance"] = pictures.plot_param_importances
    files = []
    with warnings.catch_warnings(), mpl.rc_context():
        warnings.simplefilter("ignore")  # experimental; logarithms of categories
        plt.switch_backend("Agg")
        for number, called in enumerate(names) if ended else ():
            target = None if len(names) == 1 else lambda t, n=number: t.values[n]
            for name, plot in kinds.items():
                plot(study, target=target, target_name=called)
                file = folder / f"{name}{number if number else ''}.png"
                plt.gcf().savefig(file, dpi=DPI, bbox_inches="tight")
                files.append(file)
                plt.close("all")
    return files
