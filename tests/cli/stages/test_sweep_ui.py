"""`make sweep-ui`: which study is shown, where; and Optuna's dashboard for real."""

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
    """`mine`, in a journal below mlruns/."""
    with quiet_optuna():
        storage = open_storage("journal", "mine", tmp_path, tmp_path)
        return optuna.create_study(study_name="mine", storage=storage)


@pytest.fixture
def shown(monkeypatch, command):
    """A function: words → what the dashboard would serve (storage, host, port), what was said."""

    def run(*words):
        served = []
        server = SimpleNamespace(run_server=lambda storage, **at: served.append((storage, at)))
        monkeypatch.setitem(sys.modules, "optuna_dashboard", server)
        said = command(sweep_ui, *words)
        return *served[0], said

    return run


def test_the_last_study_is_shown_on_this_machine(study, shown, tmp_path):
    storage, at, said = shown(f"paths.mlruns={tmp_path}")
    assert optuna.get_all_study_names(storage) == ["mine"]
    assert at == {"host": "127.0.0.1", "port": 8080}
    assert said == "http://127.0.0.1:8080/dashboard (study mine)\n"


def test_without_the_extra_it_says_what_to_install(study, command, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(SystemExit):
        command(sweep_ui, f"paths.mlruns={tmp_path}")
    assert "needs the extra `scale`: pip install 'ai-mixer[scale]'" in capsys.readouterr().err


def test_without_a_study_it_says_what_makes_one(shown, tmp_path, capsys):
    with pytest.raises(SystemExit):
        shown(f"paths.mlruns={tmp_path}")
    assert f"no study yet in {tmp_path}/sweeps: make sweep begins one" in capsys.readouterr().err


@pytest.mark.slow
def test_the_dashboard_answers(study, tmp_path):
    pytest.importorskip("optuna_dashboard", reason="the extra `scale` is not installed")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["-m", "ai_mixer.cli.stages.sweep_ui", f"port={port}", f"paths.mlruns={tmp_path}"]
    server = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL)
    try:
        assert "mine" in when_it_answers(server, f"http://127.0.0.1:{port}/api/studies")
        page = when_it_answers(server, f"http://127.0.0.1:{port}/dashboard")
        assert "<title>" in page
    finally:
        server.kill()
        server.wait()


def when_it_answers(server, address):
    """What a server that is starting says there."""
    end = time.monotonic() + 200
    while True:
        assert server.poll() is None
        assert time.monotonic() < end
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.2)
