"""Tests of `handle_stop_signals`: interrupt in the block, exit code of the process."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ai_mixer.utils import signals
from ai_mixer.utils.signals import handle_stop_signals


@pytest.fixture(autouse=True)
def from_a_terminal():
    """Handlers as in a foreground process: a background process ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number):
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # handlers run between two instructions


def exit_code(number, clean_up):
    """Exit code of a block that receives a signal and calls `clean_up` with the interrupt."""

    def block():
        with handle_stop_signals("`make train ckpt_path=last` resumes it"):
            try:
                send(number)
            except KeyboardInterrupt as interrupt:
                clean_up(interrupt)
                raise

    with pytest.raises(SystemExit) as caught:
        block()
    return caught.value.code


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_raises_keyboard_interrupt_and_sets_the_exit_code(number, code, capsys):
    before, name = signal.getsignal(number), signal.Signals(number).name
    interrupts = []
    assert exit_code(number, lambda interrupt: interrupts.append(str(interrupt))) == code
    assert interrupts == [name]
    assert capsys.readouterr().err == f"stopped by {name}: `make train ckpt_path=last` resumes it\n"
    assert signal.getsignal(number) is before


def test_another_exit_code_during_clean_up_is_replaced():
    """Lightning calls sys.exit(1) on an interrupt."""
    assert exit_code(signal.SIGTERM, lambda _: sys.exit(1)) == 143


def test_a_second_signal_soon_after_the_first_is_ignored():
    done = []

    def close(_):
        send(signal.SIGINT)
        send(signal.SIGTERM)
        done.append("closed")

    assert exit_code(signal.SIGINT, close) == 130
    assert done == ["closed"]


def test_a_later_second_signal_interrupts_the_clean_up(monkeypatch):
    monkeypatch.setattr(signals, "MIN_SIGNAL_INTERVAL_S", 0.0)

    def hang(_):
        send(signal.SIGINT)
        pytest.fail("hung")

    assert exit_code(signal.SIGINT, hang) == 130


class SendsOnDeletion:
    """An object whose finalizer is interrupted by a signal, or fails."""

    def __init__(self, end):
        self.end = end

    def __del__(self):
        self.end()


def test_a_signal_during_a_finalizer_interrupts_the_block(capsys):
    """Python prints and discards an exception raised in a finalizer."""

    def block():
        with handle_stop_signals("hint"):
            SendsOnDeletion(lambda: send(signal.SIGINT))
            time.sleep(0.5)
            pytest.fail("the signal was lost")

    with pytest.raises(SystemExit) as caught:
        block()
    assert caught.value.code == 130
    assert capsys.readouterr().err == "stopped by SIGINT: hint\n"


def test_other_errors_of_finalizers_are_reported(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", reported.append)
    with handle_stop_signals(""):
        SendsOnDeletion(lambda: int("x"))
    assert [error.exc_type for error in reported] == [ValueError]


def test_without_a_signal_errors_pass_through(capsys):
    with handle_stop_signals(""):
        pass
    with pytest.raises(ValueError, match="unchanged"), handle_stop_signals(""):
        raise ValueError("unchanged")
    assert capsys.readouterr().err == ""


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with handle_stop_signals(""):
            send(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_no_handler_is_installed_outside_the_main_thread():
    before = signal.getsignal(signal.SIGINT)
    inside = []

    def work():
        with handle_stop_signals(""):
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]


def test_a_closed_terminal_does_not_change_the_exit_code(monkeypatch):
    class Closed:
        def write(self, text):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Closed())
    assert exit_code(signal.SIGHUP, lambda _: None) == 129


CODE = """
import sys, time
from pathlib import Path
from ai_mixer.utils.atomic_write import exclusive_write
from ai_mixer.utils.signals import handle_stop_signals
with handle_stop_signals("hint", exit_within_s=0.05), exclusive_write(Path(sys.argv[1])) as draft:
    draft.write_text("half")
    while True:  # as compiled code: no interrupt ends it
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            pass
"""


@pytest.mark.slow
def test_a_process_that_cannot_be_interrupted_is_ended_without_a_draft(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path / "song.wav")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == "stopped by SIGINT: hint\n"
    assert list(tmp_path.iterdir()) == []
