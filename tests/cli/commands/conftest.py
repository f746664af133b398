"""Fixture that runs `ai-mixer` in this process."""

import sys
from types import SimpleNamespace

import pytest

from ai_mixer import cli


@pytest.fixture
def ai_mixer(monkeypatch, capsys, packaged_models):
    """Function: arguments → exit code (`code`), stdout (`out`) and stderr (`err`)."""

    monkeypatch.setattr(cli, "EXIT_WITHIN_S", None)  # a signal must not end this process

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ai-mixer", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        return SimpleNamespace(code=caught.value.code or 0, out=captured.out, err=captured.err)

    return run
