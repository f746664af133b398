"""Progress for people, silence for logs, and warnings of other libraries kept off the screen."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


def is_interactive() -> bool:
    """Is somebody watching a terminal?"""
    return sys.stderr.isatty()


class SizedIterable(Protocol[T_co]):
    """Something to go through whose length is known beforehand."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[T_co]: ...


def progress_bar(items: SizedIterable[T_co], title: str) -> Iterator[T_co]:
    """The items, with a progress bar on a terminal and one line before them otherwise."""
    if not is_interactive():
        print(f"{title} ({len(items)}) …", file=sys.stderr, flush=True)
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as bar

    yield from bar(items, title, total=len(items), console=Console(stderr=True))


@contextmanager
def byte_progress(title: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A function to be told how many bytes more are done, of `total` (0 = nobody knows).

    A bar on a terminal; otherwise a line at the start and after each tenth.
    """
    if is_interactive():
        from rich import progress as rich
        from rich.console import Console

        left = rich.TimeRemainingColumn()
        columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.DownloadColumn())
        with rich.Progress(*columns, left, console=Console(stderr=True)) as bars:
            task = bars.add_task(title, total=total or None, completed=done)
            yield lambda more: bars.advance(task, more)
        return
    print(f"{title} ({total / 1e6:.1f} MB) …", file=sys.stderr, flush=True)

    def tell(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if total and 10 * done // total > 10 * before // total:
            print(f"  {100 * done // total} %", file=sys.stderr, flush=True)

    yield tell


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
    """Each line once, whoever looked at the same songs again."""
    line = f"warning: {' '.join(str(message).split())}"
    if line not in _printed:
        _printed.add(line)
        print(line, file=sys.stderr, flush=True)
