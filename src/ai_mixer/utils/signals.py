"""Ctrl-C and `kill` end a stage in good order, wherever it is: fit, evaluation or rendering."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
MIN_SIGNAL_INTERVAL_S = 2.0  # a second signal sooner than this would only cut the way out


@contextmanager
def handle_stop_signals(hint: str) -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt in the block, then SystemExit 130 or 143 after it.

    hint: how to go on, said in one line. A signal that whoever started us had ignored (nohup, a
    script's `&`) stays ignored. Outside the main thread nothing changes: signals do not arrive.
    """
    received: list[tuple[int, float]] = []

    def stop(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not received or now - received[-1][1] > MIN_SIGNAL_INTERVAL_S:
            received.append((number, now))
            raise KeyboardInterrupt(signal.Signals(number).name)

    before = _install_handlers(stop)
    try:
        yield
    except BaseException as error:
        if not received:
            raise
        number = received[0][0]
        print(f"stopped by {signal.Signals(number).name}: {hint}", file=sys.stderr, flush=True)
        raise SystemExit(128 + number) from error
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _install_handlers(stop: Any) -> dict[signal.Signals, Any]:
    """Install `stop`; returns what was there before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = {number: old for number, old in before.items() if old is not signal.SIG_IGN}
    for number in heard:
        signal.signal(number, stop)
    return heard
