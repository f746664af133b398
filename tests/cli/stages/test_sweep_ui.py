"""`make sweep-ui`: selected study, address, errors; and Optuna's dashboard itself."""

import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from types import SimpleNamespace

import optuna
import pytest

from ai_mixer.cli.stages import sweep_ui
from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import quiet_optuna


@pytest.fixture
def study(tmp_path):
    """A study named `mine` in a journal."""
    with quiet_optuna():
        storage = open_storage("journal", "mine", tmp_path, tmp_path)
        return optuna.create_study(study_name="mine", storage=storage)


@pytest.fixture
def serve(monkeypatch, command):
    """Function: overrides → storage, address and output of the dashboard."""

    def run(*overrides):
        calls = []
        server = SimpleNamespace(run_server=lambda storage, **at: calls.append((storage, at)))
        monkeypatch.setitem(sys.modules, "optuna_dashboard", server)
        printed = command(sweep_ui, *overrides)
        return *calls[0], printed

    return run


def test_last_study_is_served_on_localhost(study, serve, tmp_path):
    storage, address, printed = serve(f"paths.mlruns={tmp_path}")
    assert optuna.get_all_study_names(storage) == ["mine"]
    assert address == {"host": "127.0.0.1", "port": 8080}
    assert printed == "http://127.0.0.1:8080/dashboard (study mine)\n"


def test_missing_extra_is_an_error(study, command, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(SystemExit):
        command(sweep_ui, f"paths.mlruns={tmp_path}")
    assert "pip install 'ai-mixer[scale]'" in capsys.readouterr().err


def test_missing_study_is_an_error(serve, tmp_path, capsys):
    with pytest.raises(SystemExit):
        serve(f"paths.mlruns={tmp_path}")
    assert f"no study in {tmp_path}/sweeps" in capsys.readouterr().err


@pytest.mark.slow
def test_dashboard_responds(study, tmp_path):
    pytest.importorskip("optuna_dashboard", reason="the extra `scale` is not installed")
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    arguments = ["-m", "ai_mixer.cli.stages.sweep_ui", f"port={port}", f"paths.mlruns={tmp_path}"]
    server = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        assert "mine" in wait_for_response(server, f"http://127.0.0.1:{port}/api/studies")
        page = wait_for_response(server, f"http://127.0.0.1:{port}/dashboard")
        assert "<title>" in page
    finally:
        server.kill()
        server.wait()


def wait_for_response(server, address):
    """Response of a server that is starting."""
    end = time.monotonic() + 200
    while True:
        assert server.poll() is None
        assert time.monotonic() < end
        try:
            with urllib.request.urlopen(address, timeout=60) as response:
                return response.read().decode()
        except OSError:
            time.sleep(0.2)
