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
    """Something to go through whose length is known beforehand."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[T_co]: ...


def progress_bar(items: SizedIterable[T_co], title: str) -> Iterator[T_co]:
    """The items, with a progress bar on a terminal and a DEBUG message otherwise."""
    if not shows_progress():
        logger.debug("%s (%d)", title, len(items))
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, title, total=len(items), console=Console(stderr=True))


@contextmanager
def byte_progress(title: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A function that takes the number of further bytes done, of `total` (0: unknown).

    A progress bar on a terminal; otherwise DEBUG messages at the start and after each tenth.
    """
    if shows_progress():
        from rich import progress as rich
        from rich.console import Console

        left = rich.TimeRemainingColumn()
        columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.DownloadColumn())
        with rich.Progress(*columns, left, console=Console(stderr=True)) as bars:
            task = bars.add_task(title, total=total or None, completed=done)
            yield lambda more: bars.advance(task, more)
        return
    logger.debug("%s (%.1f MB)", title, total / 1e6)

    def advance(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if total and 10 * done // total > 10 * before // total:
            logger.debug("%s: %d %%", title, 100 * done // total)

    yield advance


def configure_warnings() -> None:
    """A line for each warning; Lightning's advertisements and hints about what is meant: none."""
    warnings.showwarning = _print_warning
    noisy = ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero", "lightning_fabric")
    for name in noisy:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs the traceback of every database error that it raises as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    # Steps are counted across epochs, so short epochs have their points on the curves too.
    warnings.filterwarnings("ignore", message="The number of training batches .* is smaller than")
    # A new run that starts from another's checkpoint keeps its own; a resumed one finds its own.
    warnings.filterwarnings("ignore", message="The dirpath has changed")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    warnings.filterwarnings("ignore", module="pytorch_lightning.*", category=DeprecationWarning)
    warnings.filterwarnings("ignore", module="pytorch_lightning.*", category=FutureWarning)


_printed: set[str] = set()


def _print_warning(message: Warning | str, *place: object, **more: object) -> None:
    """Each line once."""
    line = " ".join(str(message).split())
    if line not in _printed:
        _printed.add(line)
        logger.warning("%s", line)
