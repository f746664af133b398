"""Progress bars, and filters for the warnings of other libraries."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from ai_mixer.utils.log import logger

T_co = TypeVar("T_co", covariant=True)


def shows_progress() -> bool:
    """Whether progress bars are drawn: stderr is a terminal and `quiet=true` was not given."""
    return sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)


class SizedIterable(Protocol[T_co]):
    """Iterable with a known length."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[T_co]: ...


def progress_bar(items: SizedIterable[T_co], title: str) -> Iterator[T_co]:
    """Yield the items, with a progress bar on a terminal and a DEBUG message otherwise."""
    if not shows_progress():
        logger.debug("%s (%d)", title, len(items))
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, title, total=len(items), console=Console(stderr=True))


@contextmanager
def byte_progress(title: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield a function that advances the progress by a number of bytes, of `total` (0: unknown).

    A progress bar on a terminal; otherwise DEBUG messages at the start and after each tenth.
    """
    if shows_progress():
        from rich import progress as rich
        from rich.console import Console

        columns = (
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.DownloadColumn(),
            rich.TimeRemainingColumn(),
        )
        with rich.Progress(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task(title, total=total or None, completed=done)
            yield lambda size: bars.advance(task, size)
        return
    logger.debug("%s (%.1f MB)", title, total / 1e6)

    def advance(size: int) -> None:
        nonlocal done
        before, done = done, done + size
        if total and 10 * done // total > 10 * before // total:
            logger.debug("%s: %d %%", title, 100 * done // total)

    yield advance


def configure_warnings() -> None:
    """Log each warning as one line; suppress Lightning's hints about intended settings."""
    warnings.showwarning = _print_warning
    # Not the packages themselves: their import, which comes later, sets their level to INFO.
    for package in ("pytorch_lightning", "lightning_fabric"):
        for part in _PARTS_OF_LIGHTNING:
            logging.getLogger(f"{package}.{part}").setLevel(logging.WARNING)
    # MLflow logs the traceback of each database error in addition to raising it.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    # Steps are counted across epochs, so that curves have points for short epochs too.
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than")
    # A run fine-tuned from a checkpoint writes to another folder; a resumed run to the same one.
    warnings.filterwarnings("ignore", message="The dirpath has changed")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings("ignore", module="pytorch_lightning.*", category=DeprecationWarning)
    warnings.filterwarnings("ignore", module="pytorch_lightning.*", category=FutureWarning)


_PARTS_OF_LIGHTNING = (  # without `profilers`, whose report is a result
    *("accelerators", "callbacks", "core", "loggers", "loops", "plugins", "strategies"),
    *("trainer", "tuner", "utilities", "utilities.rank_zero"),
)
_printed: set[str] = set()


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Log each distinct warning once."""
    line = " ".join(str(message).split())
    if line not in _printed:
        _printed.add(line)
        logger.warning("%s", line)
