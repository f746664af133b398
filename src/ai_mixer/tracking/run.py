"""A run in MLflow, from start to end.

Uses only MLflow's client: the fluent functions (`mlflow.log_…`) start a second run if none is
active.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlparse
from urllib.request import url2pathname

from ai_mixer.config.stage_command import stage_command
from ai_mixer.tracking.git import git_state
from ai_mixer.tracking.params import differing_params, valid_mlflow_name
from ai_mixer.tracking.process_info import process_tags, user_and_source_tags
from ai_mixer.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd
    from pytorch_lightning.loggers import MLFlowLogger

PARAMS_PER_CALL = 100  # limits of MLflow
METRICS_PER_CALL = 1000
PARENT_TAG = "mlflow.parentRunId"  # tag of a child run


class Run:
    """An active run. As a context manager, it sets the final status."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store, self.id = store, run_id
        self.resumed = False
        self._client = store.client
        self._ended = False

    @classmethod
    def start(
        cls,
        store: Store,
        experiment: str,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        *,
        parent_id: str | None = None,
        code: str | Path | None = None,
    ) -> Self:
        """Create a run; log user, command, process and the state of the project `code`."""
        parent = {PARENT_TAG: parent_id} if parent_id else {}
        created = store.client.create_run(
            store.experiment(experiment),
            run_name=name,
            tags={**user_and_source_tags(), **process_tags(), **parent, **(tags or {})},
        )
        run = cls(store, created.info.run_id)
        run._log_code(code)
        return run

    @classmethod
    def resume(cls, store: Store, run_id: str, *, code: str | Path | None = None) -> Self:
        """Resume a run. If the code has changed, its state is logged as `resumed.*`.

        ValueError if there is no such run.
        """
        from mlflow.exceptions import MlflowException

        try:
            store.client.update_run(run_id, status="RUNNING")
        except MlflowException as error:
            raise ValueError(
                f"no run {run_id!r} in {store.folder}: `{stage_command('ui')}` shows the runs"
            ) from error
        run = cls(store, run_id)
        run.resumed = True
        run.set_tags(process_tags())
        if "error" in run.tags:  # of the previous process
            store.client.delete_tag(run_id, "error")
        run._log_code(code)
        return run

    @property
    def tags(self) -> dict[str, str]:
        """Current tags of the run."""
        return dict(self._client.get_run(self.id).data.tags)

    @property
    def artifact_dir(self) -> Path:
        """Folder of the run's artifacts, created if missing."""
        folder = artifact_folder(self._client.get_run(self.id).info.artifact_uri)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def last_step(self) -> int:
        """Largest step of the newest points of all metrics; 0 without metrics."""
        metrics = self._client.get_run(self.id).data.to_proto().metrics
        return max((int(metric.step) for metric in metrics), default=0)

    def log_params(
        self, config: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
    ) -> None:
        """Log the leaves of a nested config that differ from `defaults`.

        MLflow cannot change a param: changed values, and new ones of a resumed run, are logged as
        the tag `resumed.<name>`.
        """
        from mlflow.entities import Param

        data = self._client.get_run(self.id).data
        params = differing_params(config, defaults or {})
        new = {name: value for name, value in params.items() if name not in data.params}
        rows = [Param(name, value) for name, value in new.items()]
        for start in range(0, len(rows), PARAMS_PER_CALL):
            self._client.log_batch(self.id, params=rows[start : start + PARAMS_PER_CALL])
        logged = {
            name: v for name, v in differing_params(config, {}).items() if name in data.params
        }
        for name, value in (logged | (new if self.resumed else {})).items():
            tag = f"resumed.{name}"
            if data.tags.get(tag, data.params.get(name)) != value:
                self.set_tags({tag: value})

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log values at a step with one time stamp; points that exist already are skipped."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        newest = self._client.get_run(self.id).data.to_proto().metrics
        known = {(point.key, str(point.value), point.step) for point in newest}  # NaN ≠ NaN
        points = {valid_mlflow_name(key): float(value) for key, value in metrics.items()}
        rows = [
            Metric(key, value, now_ms, step)
            for key, value in points.items()
            if (key, str(value), step) not in known
        ]
        for start in range(0, len(rows), METRICS_PER_CALL):
            self._client.log_batch(self.id, metrics=rows[start : start + METRICS_PER_CALL])

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, which can be searched for; unlike params they can be changed."""
        for name, value in tags.items():
            self._client.set_tag(self.id, valid_mlflow_name(name), value)

    def describe(self, markdown: str) -> None:
        """Set the description that the UI shows for the run."""
        self.set_tags({"mlflow.note.content": markdown})

    def log_text(self, text: str, path: str) -> None:
        """Log a text file as an artifact, e.g. `config.yaml`."""
        self._client.log_text(self.id, text, path)

    def log_table(self, table: "pd.DataFrame", path: str) -> None:
        """Log a table as CSV (which the UI shows), without the row index."""
        self.log_text(table.to_csv(index=False), path)

    def log_dataset(self, name: str, digest: str, facts: Mapping[str, Any]) -> None:
        """Log the songs of a run for the UI's column `Dataset`."""
        from mlflow.entities import Dataset, DatasetInput
        from mlflow.exceptions import MlflowException

        dataset = Dataset(name, digest, "local", source="split.csv", profile=json.dumps(facts))
        try:
            self._client.log_inputs(self.id, [DatasetInput(dataset)])
        except MlflowException:  # another process has just created the same dataset
            self._client.log_inputs(self.id, [DatasetInput(dataset)])

    def log_artifact(self, file: str | Path, folder: str | None = None) -> None:
        """Copy a file to the run's artifacts."""
        self._client.log_artifact(self.id, str(file), folder)

    def log_artifacts(self, files: str | Path, folder: str | None = None) -> None:
        """Copy the contents of a folder to the run's artifacts."""
        self._client.log_artifacts(self.id, str(files), folder)

    def lightning_logger(self) -> "MLFlowLogger":
        """Return a logger for Lightning's Trainer that writes to this run and does not end it."""
        from ai_mixer.tracking.logger import RunLogger

        return RunLogger(self.store.uri, self.id)

    def end(self, status: str = "FINISHED") -> None:
        """End the run with FINISHED, FAILED or KILLED; later calls have no effect."""
        if not self._ended:
            self._client.set_terminated(self.id, status)
            self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.end("FINISHED")
            return
        self.set_tags({"error": f"{kind.__name__}: {error}"})
        self.end("FAILED" if issubclass(kind, Exception) else "KILLED")

    def _log_code(self, folder: str | Path | None) -> None:
        """Log commit and patch; for a resumed run only if changed, without replacing the first."""
        state = git_state(folder)
        if state is None:
            self.set_tags({"git.state": "not a git repository"})
            return
        prefix, commit = "", "mlflow.source.git.commit"
        if self.resumed:
            if (state.commit, state.patch) == self._first_code(commit):
                return
            prefix, commit = "resumed.", "resumed.git.commit"
        text = "dirty" if state.dirty else "clean"
        self.set_tags({commit: state.commit, f"{prefix}git.state": text})
        if state.dirty:
            self.log_text(state.patch, f"{prefix}git.patch")

    def _first_code(self, commit: str) -> tuple[str, str]:
        patch = self.artifact_dir / "git.patch"
        text = patch.read_text(encoding="utf-8") if patch.is_file() else ""
        return self.tags.get(commit, ""), text


def artifact_folder(uri: str) -> Path:
    """Return the local path of a `file:` URI, or of a plain path as in old stores."""
    return Path(url2pathname(urlparse(uri).path)) if uri.startswith("file:") else Path(uri)
