"""Find runs: the last one, one by its id, or all of them as a table."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_mixer.config.renamed_metrics import (
    translate_filter,
    translate_metric,
    translate_metrics,
)
from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking.model_files import CARD_FILE
from ai_mixer.tracking.run import PARENT_TAG, artifact_folder
from ai_mixer.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run

    MlflowRun = Run

PAGE_SIZE = 1000
FOLDS_TAG = "cv"  # tag of a cross-validation: number of folds
FOLD_PARAM = "data.fold"  # param of its child runs
SEEDS_TAG = "seeds"  # tag of a training repeated with several seeds: their number
SEED_TAG = "seeds.seed"  # tag of its child runs


def find_run(which: str | Path = "last", store: Store | str | Path = "mlruns") -> Path:
    """Return the folder with the `model.json` of a run.

    which: `last` (newest finished run with a model), a run id or a unique prefix of one, or a path
    to a folder or to a file of a model. FileNotFoundError if there is none, ValueError if the
    prefix is ambiguous.
    """
    path = Path(which)
    if str(which) != "last" and path.exists():
        return _with_model(path if path.is_dir() else path.parent, str(path))
    store = store if isinstance(store, Store) else Store(store)
    if not store.exists:
        raise FileNotFoundError(
            f"no run yet in {store.folder}: `{stage_command('train')}` creates one"
        )
    if str(which) == "last":
        return _last(store)
    run = run_by_id(str(which), store)
    return _with_model(artifact_folder(run.info.artifact_uri), f"run {which}")


def results_folder(model: Path, outputs: str | Path) -> Path:
    """Return the folder for results of a model: that of its run.

    model: folder with `model.json`; `outputs`/models/<its name> if it is not a run, such as a
    packaged model. Every run has a config.yaml.
    """
    return model if (model / "config.yaml").is_file() else Path(outputs) / "models" / model.name


def list_runs(
    store: Store | str | Path = "mlruns", experiment: str | None = None, where: str | None = None
) -> "pd.DataFrame":
    """Return one row per run, newest first: id, name, …, `metrics.…`, `params.…` and `tags.…`.

    where: MLflow's filter string (metrics.`val/skill` > 0.2). Column `parent`: id of the parent
    run. Metrics of older versions have their current names (`config/renamed_metrics.py`), here and
    in `where`. ValueError for an unknown experiment or an invalid filter.
    """
    import pandas as pd
    from mlflow.exceptions import MlflowException

    store = store if isinstance(store, Store) else Store(store)
    names = _experiments(store) if store.exists else {}
    if experiment is not None and experiment not in names.values():
        known = ", ".join(sorted(names.values())) or "none"
        raise ValueError(f"no experiment {experiment!r} in {store.folder}: choose from {known}")
    chosen = [key for key, name in names.items() if experiment in (None, name)]
    try:
        runs = _filtered(store, chosen, where or "")
    except MlflowException as error:
        raise ValueError(f"where={where}: {error.message}: {_SEARCH_EXAMPLE}") from error
    rows = [_row(run, names[run.info.experiment_id]) for run in runs]
    return pd.DataFrame(rows, columns=None if rows else list(_COLUMNS))


_COLUMNS = (
    *("run_id", "name", "experiment", "status", "started", "duration_s"),
    *("model", "folder", "parent"),
)
_SEARCH_EXAMPLE = "an example is params.group.model = 'baseline_cnn' and metrics.`val/skill` > 0.2"


def _row(run: "MlflowRun", experiment: str) -> dict[str, Any]:
    import pandas as pd

    info, folder = run.info, artifact_folder(run.info.artifact_uri)
    duration_s = (info.end_time - info.start_time) / 1000 if info.end_time else float("nan")
    started = pd.Timestamp(info.start_time, unit="ms", tz="UTC")
    has_model = (folder / CARD_FILE).is_file()
    values = (
        *(info.run_id, info.run_name, experiment, info.status, started, duration_s),
        *(has_model, str(folder), run.data.tags.get(PARENT_TAG)),
    )
    metrics = translate_metrics(run.data.metrics)
    tags = {name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.")}
    return {
        **dict(zip(_COLUMNS, values, strict=True)),
        **{f"metrics.{name}": value for name, value in sorted(metrics.items())},
        **{f"params.{name}": value for name, value in sorted(run.data.params.items())},
        **{f"tags.{name}": value for name, value in sorted(tags.items())},
    }


def _filtered(store: Store, experiments: list[str], where: str) -> list["MlflowRun"]:
    """Runs that match a filter with the current or with the older names of metrics."""
    if not where:
        return list(_search(store, experiments))
    names = {name for run in _search(store, experiments) for name in run.data.metrics}
    older = {new: name for name in names if (new := translate_metric(name)) != name}
    current = translate_filter(where)
    filters = {current, translate_filter(current, lambda name: older.get(name, name))}
    runs = {run.info.run_id: run for text in filters for run in _search(store, experiments, text)}
    return sorted(runs.values(), key=lambda run: (-run.info.start_time, run.info.run_id))


def _last(store: Store) -> Path:
    order = ["attributes.end_time DESC"]
    for run in _search(store, list(_experiments(store)), "attributes.status = 'FINISHED'", order):
        folder = artifact_folder(run.info.artifact_uri)
        if (folder / CARD_FILE).is_file():
            return folder
    raise FileNotFoundError(
        f"no finished run with a model in {store.folder}: `{stage_command('train')}` creates one"
    )


def run_by_id(which: str, store: Store) -> "MlflowRun":
    """Return the run of an id or of a unique prefix of one."""
    matches = [run for run in all_runs(store) if run.info.run_id.startswith(which)]
    if not matches:
        raise FileNotFoundError(
            f"no run, folder or file {which!r}: `{stage_command('ui')}` shows the runs, "
            "`last` is the newest"
        )
    if len(matches) > 1:
        ids = ", ".join(run.info.run_id[: len(which) + 4] for run in matches[:5])
        raise ValueError(f"run {which!r} is ambiguous ({ids} …): give more digits of the id")
    return matches[0]


def all_runs(store: Store) -> Iterator["MlflowRun"]:
    """Yield the runs of all experiments, newest first."""
    return _search(store, list(_experiments(store)))


def child_runs(store: Store, run_id: str) -> list["MlflowRun"]:
    """Return the child runs of a run, newest first."""
    query = f"tags.`{PARENT_TAG}` = '{run_id}'"
    return list(_search(store, list(_experiments(store)), query))


def finished_folds(store: Store, run_id: str) -> dict[str, "MlflowRun"]:
    """Return the finished child runs of a cross-validation by fold."""
    finished = [run for run in child_runs(store, run_id) if run.info.status == "FINISHED"]
    return {run.data.params[FOLD_PARAM]: run for run in finished}


def fold_model_folders(which: str, store: Store) -> dict[str, Path]:
    """Return the model folders of a cross-validation by fold; empty for any other run."""
    if which == "last" or Path(which).exists():
        return {}
    run = run_by_id(which, store)
    if FOLDS_TAG not in run.data.tags:
        return {}
    folds = finished_folds(store, run.info.run_id)
    return {fold: artifact_folder(child.info.artifact_uri) for fold, child in folds.items()}


def _with_model(folder: Path, name: str) -> Path:
    if not (folder / CARD_FILE).is_file():
        raise FileNotFoundError(
            f"{name} holds no {CARD_FILE}: choose a run that trained a model, or run=last"
        )
    return folder.resolve()


def _experiments(store: Store) -> dict[str, str]:
    """Names of all experiments by id."""
    experiments = store.client.search_experiments(max_results=50000)
    return {experiment.experiment_id: experiment.name for experiment in experiments}


def _search(
    store: Store,
    experiments: list[str],
    condition: str = "",
    order: list[str] | None = None,
) -> Iterator["MlflowRun"]:
    """Yield all matching runs; default order: newest first."""
    token = None
    while experiments:
        page = store.client.search_runs(
            experiments, condition, max_results=PAGE_SIZE, order_by=order, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return
