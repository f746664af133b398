"""Commands in messages fit the installation: no message names `make` outside the helper."""

import ast
import re

import pytest

from ai_mixer.config import stage_command as module
from ai_mixer.config.folder import config_folder
from ai_mixer.config.stage_command import command_overrides, stage_command
from ai_mixer.tracking.run_lookup import find_run

ROOT = config_folder().parent
HELPER = "stage_command.py"
MAKE = re.compile(r"\bmake [a-z]+(-[a-z]+)?\b|\bwith make\b")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)
STAGE_TARGETS = dict(
    re.findall(
        r"^([a-z-]+): [^\n]*##[^\n]*\n\t@?\$\(BIN\)/python -m (ai_mixer\.cli\.stages\.\S+)",
        MAKEFILE,
        re.MULTILINE,
    )
)


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(module, "is_checkout", lambda: False)


def messages(source):
    """Line and text of each string of a module except docstrings."""
    tree = ast.parse(source)
    statements = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and node not in statements:
            yield node.lineno, node.value


def commands(text):
    return [match[0] for match in MAKE.finditer(text) if match[0].split()[1] in {*TARGETS, "make"}]


def test_no_message_names_make():
    files = [file for file in (ROOT / "src").rglob("*.py") if file.name != HELPER]
    found = {
        f"{file.relative_to(ROOT)}:{line}": commands(text)
        for file in files
        for line, text in messages(file.read_text(encoding="utf-8"))
    }
    assert len(found) > 3000
    assert {place: names for place, names in found.items() if names} == {}


def test_no_page_or_card_names_make():
    files = [*(ROOT / "src").rglob("*.html"), *(ROOT / "src").rglob("*.js")]
    assert len(files) > 5
    assert [file for file in files if commands(file.read_text(encoding="utf-8"))] == []


def test_commands_of_a_checkout_and_of_an_installation(monkeypatch):
    words = ["run_name=a b"]
    assert stage_command("train", words) == "make train 'run_name=a b'"
    monkeypatch.setattr(module, "is_checkout", lambda: False)
    assert stage_command("train", words) == "python -m ai_mixer.cli.stages.train 'run_name=a b'"
    assert stage_command("loss-scales") == "python -m ai_mixer.cli.stages.loss_scales"
    assert stage_command("bench") == "python -m ai_mixer.cli.stages.benchmark"
    assert "clone" in stage_command("bench-peers")


@pytest.mark.parametrize("target", STAGE_TARGETS)
def test_the_module_of_every_stage_is_that_of_its_target(target, installed):
    assert stage_command(target) == f"python -m {STAGE_TARGETS[target]}"


@pytest.mark.parametrize("target", ["train", "sweep-ui"])
@pytest.mark.parametrize("overrides", [[], ["model=cnn", "~callbacks.best", "run_name=a b"]])
def test_overrides_of_a_command(target, overrides, monkeypatch):
    assert command_overrides(stage_command(target, overrides)) == overrides
    monkeypatch.setattr(module, "is_checkout", lambda: False)
    assert command_overrides(stage_command(target, overrides)) == overrides


def test_an_error_in_an_installation(installed, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`python -m ai_mixer\.cli\.stages\.train`"):
        find_run("last", tmp_path)
