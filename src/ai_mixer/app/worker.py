"""A process that runs jobs: it can be stopped at any time, and it gives its memory back."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from ai_mixer.app.jobs import Job, JobCancelledError, Report

MAX_IDLE_BYTES = 2 << 30  # a process that holds more after a job is replaced
_PROGRESS, _DONE, _FAILED = "progress", "done", "failed"


class JobFailedError(ValueError):
    """A job failed in the process; the message is one line."""


class ProcessRunner:
    """Runs jobs in a process of its own, started with the first job. See `jobs.Runner`.

    home: folder of the application.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: Any = None
        self._pipe: Connection | None = None
        self._cancelled = False

    def run(self, job: Job, report: Report) -> dict[str, Any]:
        """Run a job. JobFailedError, or JobCancelledError after `cancel`."""
        self._cancelled = False
        pipe = self._connection()
        try:
            pipe.send((job.kind, job.song, job.arguments))
            while True:
                kind, *content = pipe.recv()
                if kind == _PROGRESS:
                    report(*content)
                elif kind == _DONE:
                    return dict(content[0])
                else:
                    raise JobFailedError(content[0])
        except (EOFError, OSError):
            self.close()
            if self._cancelled:
                raise JobCancelledError from None
            raise JobFailedError("the process stopped: memory may be short; try again") from None
        finally:
            self._limit_memory()

    def cancel(self) -> None:
        """Stop the process."""
        self._cancelled = True
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Stop the process and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join(5)
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    @property
    def memory_bytes(self) -> int:
        """Memory of the process; 0 without one."""
        if self._process is None or not self._process.is_alive():
            return 0
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def _connection(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            self.close()
            context = multiprocessing.get_context("spawn")
            self._pipe, other = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(other, str(self._home)), daemon=True, name="ai_mixer-jobs"
            )
            self._process.start()
            other.close()
        return self._pipe

    def _limit_memory(self) -> None:
        if self.memory_bytes > MAX_IDLE_BYTES:
            self.close()


def _serve(pipe: Connection, home: str) -> None:
    """Main function of the process: jobs from the pipe until the server is gone."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server stops it
    from ai_mixer.app.tasks import run_task
    from ai_mixer.utils.memory import release_memory

    while True:
        try:
            kind, song, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[str, Any]
        try:
            result = run_task(
                Path(home), kind, song, arguments, lambda *report: pipe.send((_PROGRESS, *report))
            )
            answer = (_DONE, result)
        except Exception as error:
            answer = (_FAILED, str(error))
        release_memory()
        pipe.send(answer)
