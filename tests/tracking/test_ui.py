"""MLflow's server is started for the store, unless that is impossible."""

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from ai_mixer.tracking import ui
from ai_mixer.tracking.store import Store
from ai_mixer.tracking.ui import serve


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_server_command_names_store_and_artifacts(
    store: Store, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = []
    monkeypatch.setattr(ui, "_run", commands.append)
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    serve(store, "127.0.0.1", port)
    command = commands[0]
    assert command[1:4] == ["-m", "mlflow", "server"]
    assert command[command.index("--backend-store-uri") + 1] == store.uri
    assert command[command.index("--default-artifact-root") + 1] == store.artifacts.as_uri()
    assert f"127.0.0.1:{port}" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_server_ends_without_a_traceback(
    number: signal.Signals, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    started = tmp_path / "pid"
    program = (
        "import os, pathlib, sys, time; path = pathlib.Path(sys.argv[1]);"
        "path.with_suffix('.new').write_text(str(os.getpid())); path.with_suffix('.new')"
        ".rename(path); time.sleep(60)"
    )

    def stop() -> None:
        while not started.is_file():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop, daemon=True).start()
    ui._run([sys.executable, "-c", program, str(started)])
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    assert capfd.readouterr().err == ""


def test_a_folder_without_runs_is_an_error_and_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run yet in .*missing"):
        serve(Store(tmp_path / "missing"))
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_an_error(store: Store) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"127.0.0.1:{port}: Address already in use"):
            serve(store, port=port)
