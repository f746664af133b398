import os
import socket
from pathlib import Path

import pytest

from ai_mixer.tracking.store import Store
from ai_mixer.tracking.ui import serve


@pytest.fixture
def port() -> int:
    """A port nobody uses."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def test_the_server_reads_our_store(
    store: Store, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = []
    monkeypatch.setattr(os, "execv", lambda program, command: commands.append(command))
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    serve(store, "127.0.0.1", port)
    words = commands[0]
    assert words[1:4] == ["-m", "mlflow", "server"]
    assert words[words.index("--backend-store-uri") + 1] == store.uri
    assert words[words.index("--default-artifact-root") + 1] == store.artifacts.as_uri()
    assert f"127.0.0.1:{port}" in capsys.readouterr().out


def test_a_folder_without_runs_is_said_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run yet in .*nowhere: `make train` makes one"):
        serve(Store(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_said(store: Store) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"127.0.0.1:{port}: Address already in use: choose"):
            serve(store, port=port)
