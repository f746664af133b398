"""Sound that can be played several times: made anew each time, or kept where it is short."""

from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

KEPT_BYTES = 128 << 20  # six minutes of stereo at 44.1 kHz

Play = Callable[[], Iterable[Tensor]]
"""Plays a song from its beginning: blocks [..., n] in order. It must give the same each time."""


class Replay:
    """`play`, remembered while it is played the first time, if it takes no more than `kept_bytes`.

    So a short song is rendered once, and a long one costs time instead of memory.
    """

    def __init__(self, play: Play, kept_bytes: int = KEPT_BYTES) -> None:
        self._play, self._kept_bytes = play, kept_bytes
        self._blocks: list[Tensor] | None = None

    def __call__(self) -> Iterator[Tensor]:
        """The song from its beginning."""
        if self._blocks is not None:
            yield from self._blocks
            return
        blocks: list[Tensor] | None = []
        taken = 0
        for block in self._play():
            taken += block.nbytes
            if taken > self._kept_bytes:
                blocks = None
            if blocks is not None:
                blocks.append(block)
            yield block
        self._blocks = blocks
