"""The command line, called as a program would be."""

import sys
from types import SimpleNamespace

import pytest

from ai_mixer import cli


@pytest.fixture
def ai_mixer(monkeypatch, capsys, packaged_models):
    """A function: words → exit code, what was said (`out`) and complained (`err`)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["ai-mixer", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code or 0, out=said.out, err=said.err)

    return run
