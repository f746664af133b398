"""Shutdown of the processes (ranks) of a distributed training: all end together.

Lightning starts the other ranks with the same command line. As soon as one exits with an error, it
kills rank 0 with SIGKILL, and the run would keep the status RUNNING; so they are monitored here.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytorch_lightning as pl

from ai_mixer.utils.distributed import rank
from ai_mixer.utils.log import logger

POLL_INTERVAL_S = 0.5  # shorter than that of Lightning's observer (5 s)
SHUTDOWN_TIMEOUT_S = 5.0  # for rank 0 to fail by itself after another rank has ended
OTHER_PROCESS_FAILED = "another process of this training was killed or failed (its error is above)"


@contextmanager
def shared_shutdown(trainer: pl.Trainer, close: Callable[[str], None]) -> Iterator[None]:
    """End all ranks when the fit in the block ends, for any reason.

    If another rank fails, the block raises ChildProcessError; if it is blocked, waiting for that
    rank, `close` is called with the reason and this process exits. KeyboardInterrupt if stopped.
    """
    over, failed = threading.Event(), threading.Event()
    watch = threading.Thread(
        target=_monitor_processes, args=(trainer, over, failed, close), daemon=True
    )
    watch.start()
    try:
        yield
    except BaseException as error:
        over.set()
        stopped = isinstance(error, SystemExit | KeyboardInterrupt)  # Lightning may raise either
        by_another = not stopped and (failed.is_set() or _any_failed(trainer))
        _terminate(_detach_processes(trainer))
        if stopped:
            raise KeyboardInterrupt from error
        if by_another:  # our error is only a consequence
            raise ChildProcessError(OTHER_PROCESS_FAILED) from error
        raise
    finally:
        over.set()
        watch.join()
    _terminate(_detach_processes(trainer), after_s=SHUTDOWN_TIMEOUT_S)


def exit_with_parent() -> None:
    """In a process of nonzero rank: ignore signals, and end with the parent process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()


def abort_process(error: BaseException) -> None:
    """Log an error and exit at once, so that processes waiting for this one are terminated."""
    logger.error("process %d: %s: %s", rank(), type(error).__name__, error)
    os._exit(1)


def _monitor_processes(
    trainer: pl.Trainer,
    over: threading.Event,
    failed: threading.Event,
    close: Callable[[str], None],
) -> None:
    while not over.wait(POLL_INTERVAL_S):
        if not any(process.poll() for process in _other_processes(trainer)):
            continue
        failed.set()
        _terminate(_detach_processes(trainer))
        if not over.wait(SHUTDOWN_TIMEOUT_S):
            close(OTHER_PROCESS_FAILED)
            logger.error("%s", OTHER_PROCESS_FAILED)
            os._exit(1)


def _other_processes(trainer: pl.Trainer) -> list[subprocess.Popen[bytes]]:
    return getattr(trainer.strategy.launcher, "procs", [])


def _any_failed(trainer: pl.Trainer) -> bool:
    """Whether another process has ended with an error, or does so within a second."""
    others = list(_other_processes(trainer))
    for process in others:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0 / len(others))
    return any(process.poll() for process in others)


def _detach_processes(trainer: pl.Trainer) -> list[subprocess.Popen[bytes]]:
    """Return the other processes and remove them from Lightning's observer."""
    processes = list(_other_processes(trainer))
    _other_processes(trainer).clear()
    return processes


def _terminate(processes: list[subprocess.Popen[bytes]], after_s: float = 0.0) -> None:
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        process.kill()
        process.wait()


def _exit_with(parent: int) -> None:
    """Exit at most a second after the parent process, even if the main thread is blocked."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
