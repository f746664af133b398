"""Every `make` command of README and guides has a target, and its overrides compose."""

import importlib
import importlib.util
import re
import shlex
import sys

import hydra
import pytest

from ai_mixer.config.folder import config_folder

ROOT = config_folder().parent
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
GUIDES += [page for page in sorted((ROOT / "docs").glob("*.md")) if "leaderboard" not in page.name]
GUIDES += sorted((ROOT / "docs" / "guides").glob("*.md"))
OURS = {"PYTHON", "VENV", "HOST", "PORT", "DEBUG"}  # the Makefile's own
OF_A_RUN = {"ckpt_path", "resume", "attach_to"}  # composing needs a run, which is not here


def commands():
    """Every command that is written out, as (target, words), each once."""
    found = {}
    for page in GUIDES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        inline = re.findall(r"`(make [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
        lines = [line for block in blocks for line in re.split(r"\n| && ", block)]
        for line in [*lines, *inline]:
            if line.startswith("make "):
                target, *words = shlex.split(line, comments=True)[1:]
                words = [w.replace("…", "x") for w in words if "=" in w and "<" not in w]
                found[" ".join([target, *words])] = (target, words)
    return found


COMMANDS = commands()


def targets():
    return re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


def stage_of(target):
    """The module that a target of the Makefile starts, or None."""
    recipe = re.search(
        rf"^{target}:.*##.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )[1]
    if target == "roughs":
        folder = ROOT / "benchmarks" / "roughs"
        spec = importlib.util.spec_from_file_location("roughs_script", folder / "__main__.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    module = re.search(r"-m (ai_mixer\.cli\.stages\.\w+)", recipe)
    return importlib.import_module(module[1]) if module else None


@pytest.fixture
def compose(monkeypatch, capsys):
    """A function that composes as a stage does with these words, and does not run it."""

    def main(version_base, config_path, config_name):
        def run():
            with hydra.initialize_config_dir(config_path, version_base=version_base):
                hydra.compose(config_name, sys.argv[1:])

        return lambda task: run

    def start(stage, words):
        monkeypatch.setattr(hydra, "main", main)
        monkeypatch.setattr(sys, "argv", ["stage", *words])
        try:
            stage.main()
        except SystemExit:
            pytest.fail(capsys.readouterr().err)

    return start


def test_there_are_commands():
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_composes(command, compose, monkeypatch):
    target, words = COMMANDS[command]
    assert target in targets()
    keys = [word.partition("=")[0].lstrip("+~") for word in words]
    words = [
        f"{key}=null" if key in OF_A_RUN else word
        for key, word in zip(keys, words, strict=True)
        if key not in OURS and "=sweep/" not in word
    ]
    if words:
        if target == "roughs":
            pytest.importorskip("pedalboard", reason="part of the extra `dev`")
            monkeypatch.syspath_prepend(ROOT / "benchmarks" / "roughs")
        compose(stage_of(target), words)
