"""Orderly end of a command on SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal)."""

import _thread
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
MIN_SIGNAL_INTERVAL_S = 2.0  # a second signal sooner than this would interrupt the clean-up
REPEAT_AFTER_S = 0.05


@contextmanager
def handle_stop_signals(hint: str, exit_within_s: float | None = None) -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on a signal, then SystemExit (128 + its number).

    The interrupt lets each block remove its temporary files, which the default action of SIGTERM
    and SIGHUP would not. hint: one line that says how to go on, printed on stderr. Signals that the
    parent process ignores (nohup, a background job of a script) stay ignored. No effect outside the
    main thread, which never receives signals.

    exit_within_s: end the process at the latest after this time, and at once when the block has
    ended. Python raises the interrupt only between two of its own operations: a thread waits
    meanwhile, removes unfinished files (`unfinished`) and exits, so that compiled code, which may
    run for seconds, is not waited for.
    """
    received: list[tuple[int, float]] = []
    numbers: list[int] = []  # of all signals, also of those that are sent again
    closing = threading.Lock()  # of the thread that prints the closing line

    def stop(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not received or now - received[-1][1] > MIN_SIGNAL_INTERVAL_S:
            received.append((number, now))
            numbers.append(number)
            raise KeyboardInterrupt(signal.Signals(number).name)

    def repeat(unraisable: Any) -> None:
        """Act on an interrupt that Python discards: raised in a finalizer or a callback of C.

        The signal is sent again, or the process ends: after a callback, results may be wrong.
        """
        if not (received and isinstance(unraisable.exc_value, KeyboardInterrupt)):
            unraisable_hook(unraisable)
            return
        number = received.pop()[0]
        if exit_within_s is not None:
            end_now(number)
            return
        # `Thread.start` would wait for the thread, and the signal could arrive during that.
        with suppress(KeyboardInterrupt):
            _thread.start_new_thread(_send_later, (number,))

    def end_now(number: int) -> None:
        if closing.acquire(blocking=False):
            _end(number, hint)

    def force(number: int) -> None:
        if signal.getsignal(number) is stop:  # a server has its own handler
            time.sleep(exit_within_s or 0.0)
            end_now(number)

    before, unraisable_hook = _present_handlers(), sys.unraisablehook
    with ExitStack() as stack:
        if exit_within_s is not None and before:
            stack.enter_context(_watch_signals(force))
        try:
            sys.unraisablehook = repeat
            for handled in before:
                signal.signal(handled, stop)
            yield
        except BaseException as error:
            if not numbers:
                raise
            number = numbers[0]
            closing.acquire()  # for ever if the process is ending already
            if exit_within_s is not None:
                _end(number, hint)
            _print_closing_line(number, hint)
            raise SystemExit(128 + number) from error
        finally:
            sys.unraisablehook = unraisable_hook
            for known, handler in before.items():
                signal.signal(known, handler)


def _end(number: int, hint: str) -> None:
    from ai_mixer.utils.unfinished import remove_unfinished

    remove_unfinished()
    _print_closing_line(number, hint)
    leave(128 + number)


def _print_closing_line(number: int, hint: str) -> None:
    # Not a log message: the hint is needed with `quiet=true` too.
    with suppress(OSError, ValueError):  # the terminal may be closed
        sys.stderr.write(f"stopped by {signal.Signals(number).name}: {hint}\n")
        sys.stderr.flush()


def _send_later(number: int) -> None:
    time.sleep(REPEAT_AFTER_S)
    _thread.interrupt_main(signal.Signals(number))


def leave(code: int) -> None:
    """End the process without waiting for threads, finalizers or the exit of the interpreter."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


@contextmanager
def _watch_signals(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` with the number of each signal, in another thread and at once."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)

    def watch() -> None:
        with reader, suppress(OSError):
            while number := reader.recv(1):
                act(number[0])

    threading.Thread(target=watch, daemon=True, name="signals").start()
    previous = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        writer.close()


def _present_handlers() -> dict[signal.Signals, Any]:
    """The handlers of signals that are not ignored; none outside of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in SIGNALS}
    return {number: old for number, old in before.items() if old is not signal.SIG_IGN}
