"""Several excerpts at a time, one a core.

Torch and scikit-learn would split every small operation among the cores, and wait for the slowest
each time. Where others compute as well, rendering 30 s on two busy cores took 1.4 s of processor
time that way and takes 0.1 s on one; fitting trees took 8 s and takes 0.4 s.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController

from ai_mixer.utils.progress import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Item], Result], items: Sequence[Item], title: str
) -> Iterator[Result]:
    """function(item) for all items, in their order, as many at a time as torch has threads.

    title: what is shown of the progress. The results do not depend on the number of threads. An
    error ends it, once what is under way is done.
    """
    if len(items) == 1:  # no pool: a thread of its own has a heap of its own
        with single_threaded():
            yield from (function(item) for item in progress_bar(items, title))
        return
    workers = torch.get_num_threads()
    torch.set_num_threads(1)  # before the threads are made: each takes over what is set
    pool = ThreadPoolExecutor(workers, initializer=_limit_openmp_threads)
    try:
        futures = [pool.submit(function, item) for item in items]
        for future in progress_bar(futures, title):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(workers)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Torch splits nothing in this block: for work whose pieces are small, or that has threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def prefetch(items: Iterable[Item], depth: int = 4) -> Iterator[Item]:
    """The items, made in a thread of their own, up to `depth` before they are asked for.

    An error comes where its item would have come. Who stops asking leaves the thread to end.
    """
    made: Queue[tuple[bool, Any]] = Queue(depth)
    left = Event()

    def make() -> None:
        torch.set_num_threads(1)  # of this thread
        try:
            for item in items:
                if not _put(made, (True, item), left):
                    return
            _put(made, (False, None), left)
        except BaseException as error:
            _put(made, (False, error), left)

    Thread(target=make, daemon=True).start()
    try:
        while True:
            more, item = made.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        left.set()


def _put(made: Queue[tuple[bool, Any]], item: tuple[bool, Any], left: Event) -> bool:
    while not left.is_set():
        try:
            made.put(item, timeout=0.1)
        except Full:
            continue
        return True
    return False


def _limit_openmp_threads() -> None:
    """OpenMP, in this thread, uses no others: in all libraries that are loaded by now."""
    ThreadpoolController().limit(limits=1, user_api="openmp")
