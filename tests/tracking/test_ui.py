import os

import pytest

from ai_mixer.tracking.store import Store
from ai_mixer.tracking.ui import serve


def test_the_server_reads_our_store(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = []
    monkeypatch.setattr(os, "execv", lambda program, command: commands.append(command))
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    serve(store, "127.0.0.1", 5050)
    words = commands[0]
    assert words[1:4] == ["-m", "mlflow", "server"]
    assert words[words.index("--backend-store-uri") + 1] == store.uri
    assert words[words.index("--default-artifact-root") + 1] == store.artifacts.as_uri()
    assert "127.0.0.1:5050" in capsys.readouterr().out
