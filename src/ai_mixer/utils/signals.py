"""Orderly end of a command on SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal)."""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
MIN_SIGNAL_INTERVAL_S = 2.0  # a second signal sooner than this would interrupt the clean-up
REPEAT_AFTER_S = 0.01


@contextmanager
def handle_stop_signals(hint: str) -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on a signal, then SystemExit (128 + its number).

    The interrupt lets each block remove its temporary files, which the default action of SIGTERM
    and SIGHUP would not. hint: one line that says how to go on, printed on stderr. Signals that the
    parent process ignores (nohup, a background job of a script) stay ignored. No effect outside the
    main thread, which never receives signals.
    """
    received: list[tuple[int, float]] = []

    def stop(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not received or now - received[-1][1] > MIN_SIGNAL_INTERVAL_S:
            received.append((number, now))
            raise KeyboardInterrupt(signal.Signals(number).name)

    def repeat(unraisable: Any) -> None:
        """Send the signal again: Python discards an interrupt that is raised in a finalizer."""
        if received and isinstance(unraisable.exc_value, KeyboardInterrupt):
            number, _ = received.pop()
            threading.Timer(REPEAT_AFTER_S, _thread.interrupt_main, [number]).start()
        else:
            unraisable_hook(unraisable)

    before, unraisable_hook = _install_handlers(stop), sys.unraisablehook
    sys.unraisablehook = repeat
    try:
        yield
    except BaseException as error:
        if not received:
            raise
        number = received[0][0]
        # Not a log message: the hint is needed with `quiet=true` too.
        with suppress(OSError):  # the terminal may be closed
            sys.stderr.write(f"stopped by {signal.Signals(number).name}: {hint}\n")
            sys.stderr.flush()
        raise SystemExit(128 + number) from error
    finally:
        sys.unraisablehook = unraisable_hook
        for known, handler in before.items():
            signal.signal(known, handler)


def _install_handlers(stop: Any) -> dict[signal.Signals, Any]:
    """Install `stop` for signals that are not ignored; return the previous handlers."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = {number: old for number, old in before.items() if old is not signal.SIG_IGN}
    for number in handled:
        signal.signal(number, stop)
    return handled
