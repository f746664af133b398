"""Several excerpts at a time, one a core.

Torch would split every small operation of one excerpt among the cores, and wait for the slowest
each time: rendering 30 s takes several times as long as on one core, and more where others compute.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from ai_mixer.quiet import track

Item = TypeVar("Item")
Result = TypeVar("Result")


def over_cores(
    function: Callable[[Item], Result], items: Sequence[Item], title: str
) -> Iterator[Result]:
    """function(item) for all items, in their order, as many at a time as torch has threads.

    title: what is shown of the progress. The results do not depend on the number of threads. An
    error ends it, once what is under way is done.
    """
    workers = torch.get_num_threads()
    torch.set_num_threads(1)  # before the threads are made: each takes over what is set
    pool = ThreadPoolExecutor(workers)
    try:
        futures = [pool.submit(function, item) for item in items]
        for future in track(futures, title):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(workers)
