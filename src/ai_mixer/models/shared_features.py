"""Extract features once for several models that get the same audio.

Features depend only on the audio and the extractor's configuration, as extractors have no trained
weights; and extraction takes several times as long as the prediction of a small network.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

LogMelAndStatistics = tuple[Tensor, Tensor]
_CacheEntry = tuple[Any, tuple[Tensor, ...], LogMelAndStatistics]  # configuration, inputs, features
_cache: ContextVar[list[_CacheEntry] | None] = ContextVar("shared_features", default=None)


@contextmanager
def shared_features() -> Iterator[None]:
    """Cache features within this block and thread, until its end.

    Inputs are kept too and compared sample by sample, so this is for a few inputs.
    """
    token = _cache.set([])
    try:
        yield
    finally:
        _cache.reset(token)


def extract_once(
    configuration: Any, inputs: tuple[Tensor, ...], extract: Callable[..., LogMelAndStatistics]
) -> LogMelAndStatistics:
    """Return extract(*inputs), from the cache if this configuration had equal inputs before."""
    cache = _cache.get()
    if cache is None:
        return extract(*inputs)
    for cached_configuration, cached_inputs, features in cache:
        if cached_configuration == configuration and all(map(torch.equal, cached_inputs, inputs)):
            return features
    features = extract(*inputs)
    cache.append((configuration, inputs, features))
    return features
