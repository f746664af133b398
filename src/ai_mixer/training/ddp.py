"""The first process of a distributed training and those it starts: they end together.

Lightning starts the others by the same command line, and kills the first one with SIGKILL as soon
as another exits with an error; the run would stay open for ever. So we watch them ourselves.
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

POLL_INTERVAL_S = 0.5  # Lightning's own observer looks every 5 s
SHUTDOWN_TIMEOUT_S = 5.0  # for the first process to see by itself that another is gone
OTHER_PROCESS_FAILED = "another process of this training was killed, or failed and said so above"


@contextmanager
def shared_shutdown(trainer: pl.Trainer, close: Callable[[str], None]) -> Iterator[None]:
    """However the fit in the block is broken off, the processes that it started end with it.

    If another process fails, so does the block; if it cannot, because it waits for that process for
    ever, `close` is called with what happened and this process exits. KeyboardInterrupt if stopped.
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
        stopped = isinstance(error, SystemExit | KeyboardInterrupt)  # Lightning: one for the other
        by_another = not stopped and (failed.is_set() or _any_failed(trainer))
        _terminate(_detach_processes(trainer))
        if stopped:
            raise KeyboardInterrupt from error
        if by_another:  # ours is but that it does not answer
            raise ChildProcessError(OTHER_PROCESS_FAILED) from error
        raise
    finally:
        over.set()
        watch.join()
    _terminate(_detach_processes(trainer), after_s=SHUTDOWN_TIMEOUT_S)


def exit_with_parent() -> None:
    """In a process that the first one started: leave the decisions to it, and end with it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with, args=(os.getppid(),), daemon=True).start()


def abort_process(error: BaseException) -> None:
    """End this process at once for an error: what waits for it elsewhere must notice."""
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
    """Has another process ended with an error, or does it within a second?"""
    others = list(_other_processes(trainer))
    for process in others:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0 / len(others))
    return any(process.poll() for process in others)


def _detach_processes(trainer: pl.Trainer) -> list[subprocess.Popen[bytes]]:
    """The other processes; Lightning's observer forgets them."""
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
    """Wherever this process waits, it is gone a second after the first one."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
