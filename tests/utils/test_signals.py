"""A signal ends the block in good order, and the process with the code a shell expects."""

import os
import signal
import sys
import threading
import time

import pytest

from ai_mixer.utils import signals
from ai_mixer.utils.signals import handle_stop_signals


@pytest.fixture(autouse=True)
def from_a_terminal():
    """As a shell starts a command in the foreground: in the background it would ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number):
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # handlers run between two instructions


def way_out(first, then):
    """A block that gets a signal, and does `then` with the interrupt; the exit code after it."""

    def block():
        with handle_stop_signals("`make train ckpt_path=last` goes on"):
            try:
                send(first)
            except KeyboardInterrupt as interrupt:
                then(interrupt)
                raise

    with pytest.raises(SystemExit) as caught:
        block()
    return caught.value.code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_an_interrupt_inside_and_an_exit_code_outside(number, code, capsys):
    before, name = signal.getsignal(number), signal.Signals(number).name
    seen = []
    assert way_out(number, lambda interrupt: seen.append(str(interrupt))) == code
    assert seen == [name]
    assert capsys.readouterr().err == f"stopped by {name}: `make train ckpt_path=last` goes on\n"
    assert signal.getsignal(number) is before


def test_whatever_the_way_out_makes_of_it_the_code_stays():
    """Lightning answers an interrupt with sys.exit(1)."""
    assert way_out(signal.SIGTERM, lambda _: sys.exit(1)) == 143


def test_an_impatient_second_signal_does_not_cut_the_way_out():
    done = []

    def close(_):
        send(signal.SIGINT)
        send(signal.SIGTERM)
        done.append("closed")

    assert way_out(signal.SIGINT, close) == 130
    assert done == ["closed"]


def test_a_way_out_that_hangs_can_be_cut(monkeypatch):
    monkeypatch.setattr(signals, "MIN_SIGNAL_INTERVAL_S", 0.0)

    def hang(_):
        send(signal.SIGINT)
        pytest.fail("hung")

    assert way_out(signal.SIGINT, hang) == 130


def test_errors_and_good_ends_pass_through(capsys):
    with handle_stop_signals(""):
        pass
    with pytest.raises(ValueError, match="as it was"), handle_stop_signals(""):
        raise ValueError("as it was")
    assert capsys.readouterr().err == ""


def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with handle_stop_signals(""):
            send(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_changes():
    before = signal.getsignal(signal.SIGINT)
    inside = []

    def work():
        with handle_stop_signals(""):
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]
