"""The queue of jobs: one runs at a time, all are on disk, so that a restart continues them."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from ai_mixer.app.errors import AppError, error_line
from ai_mixer.app.library import new_id
from ai_mixer.utils.atomic_write import write_text

State = Literal["queued", "running", "done", "failed", "cancelled"]
FINISHED = ("done", "failed", "cancelled")
KEPT_FINISHED = 1000  # records of finished jobs


@dataclass(frozen=True)
class Job:
    """A job for a song. progress: 0–1. result: what the task returned. error: one line."""

    id: str
    kind: str
    song: str
    arguments: dict[str, Any] = field(default_factory=dict)
    state: State = "queued"
    progress: float = 0.0
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    created_s: float = 0.0


Report = Callable[[float, str], None]


class Runner(Protocol):
    """Runs one job at a time."""

    def run(self, job: Job, report: Report) -> dict[str, Any]:
        """Run a job and return its result; raises JobError or any error."""

    def cancel(self) -> None:
        """Stop the job that runs: `run` raises JobCancelledError. From any thread."""

    def close(self) -> None:
        """Free everything."""


class JobCancelledError(Exception):
    """The job was cancelled."""


class JobQueue:
    """Jobs in order of arrival.

    folder: one JSON file per job. changed: called with each new state, from any thread.
    max_queued: number of jobs that may wait.
    """

    def __init__(
        self, folder: Path, runner: Runner, changed: Callable[[Job], None], max_queued: int
    ) -> None:
        self._folder, self._runner, self._changed = folder, runner, changed
        self._max_queued = max_queued
        self._jobs: dict[str, Job] = {}
        self._lock, self._wake = threading.RLock(), threading.Condition()
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        self._load()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Run jobs from now on."""
        self._thread.start()

    def add(self, kind: str, song: str, **arguments: Any) -> Job:
        """Add a job. AppError 503 if too many wait."""
        with self._lock:
            waiting = sum(job.state == "queued" for job in self._jobs.values())
            if waiting >= self._max_queued:
                raise AppError(f"{waiting} jobs are waiting, which is the limit: try later", 503)
            job = Job(new_id(), kind, song, arguments, created_s=time.time())
            self._save(job)
        with self._wake:
            self._wake.notify()
        return job

    def get(self, job_id: str) -> Job:
        """A job. AppError 404 if there is none."""
        job = self._jobs.get(job_id)
        if job is None:
            raise AppError(f"no job {job_id[:40]!r}", 404)
        return job

    def list_jobs(self) -> list[Job]:
        """All jobs in order of arrival."""
        with self._lock:
            return list(self._jobs.values())

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that waits or runs; a finished one is unchanged."""
        with self._lock:
            job = self.get(job_id)
            if job.state == "queued":
                return self._save(replace(job, state="cancelled"))
            if job.state == "running":
                self._runner.cancel()
        return self.get(job_id)

    def cancel_song(self, song: str) -> None:
        """Cancel all jobs of a song."""
        for job in self.list_jobs():
            if job.song == song:
                self.cancel(job.id)

    def close(self) -> None:
        """Stop; the job that runs is repeated after the next start."""
        self._closed = True
        with self._wake:
            self._wake.notify()
        self._runner.cancel()
        if self._thread.is_alive():
            self._thread.join(10)
        self._runner.close()

    def _work(self) -> None:
        while not self._closed:
            job = self._next()
            if job is None:
                with self._wake:
                    self._wake.wait(0.2)
                continue
            self._run(job)

    def _next(self) -> Job | None:
        with self._lock:
            job = next((job for job in self._jobs.values() if job.state == "queued"), None)
            return self._save(replace(job, state="running")) if job else None

    def _run(self, job: Job) -> None:
        def report(progress: float, message: str) -> None:
            current = replace(job, progress=round(progress, 3), message=message)
            self._jobs[job.id] = current  # not on disk: it changes often
            self._changed(current)

        try:
            result = self._runner.run(job, report)
            job = replace(job, state="done", progress=1.0, result=result)
        except JobCancelledError:
            if self._closed:
                return  # stays "running" on disk: it is repeated
            job = replace(job, state="cancelled")
        except Exception as error:
            job = replace(job, state="failed", error=error_line(error))
        with self._lock:
            self._save(job)
            self._forget()

    def _save(self, job: Job) -> Job:
        """Write a job before anybody sees its state."""
        write_text(self._folder / f"{job.id}.json", json.dumps(asdict(job), ensure_ascii=False))
        self._jobs[job.id] = job
        self._changed(job)
        return job

    def _forget(self) -> None:
        """Remove the oldest records of finished jobs."""
        finished = [job.id for job in self._jobs.values() if job.state in FINISHED]
        for job_id in finished[:-KEPT_FINISHED]:
            del self._jobs[job_id]
            (self._folder / f"{job_id}.json").unlink(missing_ok=True)

    def _load(self) -> None:
        """Read the jobs of an earlier process; what it did not finish waits again."""
        jobs = []
        for path in self._folder.glob("*.json"):
            try:
                job = Job(**json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError, OSError):
                path.unlink(missing_ok=True)
                continue
            jobs.append(job if job.state in FINISHED else replace(job, state="queued"))
        self._jobs = {job.id: job for job in sorted(jobs, key=lambda job: job.created_s)}
