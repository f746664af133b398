"""Every command line of README, documentation, notebooks and config files composes.

`make` needs a target and overrides that its stage accepts, `ai-mixer` a command with its options,
`python -m` a module, and `python` a file.
"""

import functools
import importlib
import importlib.util
import re
import sys

import hydra
import pytest
import typer

from ai_mixer.cli import stage as stage_module
from ai_mixer.cli.app import app
from ai_mixer.cli.commands.parsing import parse_mix_options, parse_target
from ai_mixer.config.folder import config_folder
from ai_mixer.config.overrides import compose_group_choices, config_groups
from helpers.commands import in_config, in_markdown, in_notebook, read_texts

ROOT = config_folder().parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE))
PAGES = ("*.md", "docs/*.md", "docs/guides/*.md", "docs/decisions/*.md", "*/README.md")
PAGES += ("src/ai_mixer/**/*.md",)
OF_MAKE = {"PYTHON", "VENV", "HOST", "PORT", "DEBUG"}  # variables of the Makefile
OF_A_RUN = {"ckpt_path", "resume", "attach_to"}  # composing needs a run, which is not here
REQUIRED = {"data": ["name=gtzan"], "package": ["name=mine", "about=Mine"]}  # unless given
STAGES = "ai_mixer.cli.stages."
PLACEHOLDER = "…"
cached_group_choices = functools.cache(compose_group_choices)


def commands():
    """Each command line once: text → words."""
    found = [words for text in read_texts(ROOT, *PAGES) for words in in_markdown(text)]
    for text in read_texts(ROOT, "notebooks/*.ipynb"):
        found += in_notebook(text)
    for text in read_texts(ROOT, "configs/**/*.yaml"):
        found += in_config(text, TARGETS)
    return {" ".join(words): words for words in found}


def composable(words):
    """The overrides among the words, without placeholders and what names runs of a machine."""
    groups = config_groups()
    for word in words:
        key, equals, value = word.partition("=")
        key = key.lstrip("+~")
        is_placeholder = "<" in word or (value == PLACEHOLDER and key in {*groups, "name"})
        if not equals or is_placeholder or key in OF_MAKE or value.startswith("sweep/"):
            continue
        yield f"{key}=null" if key in OF_A_RUN else word.replace(PLACEHOLDER, "x")


def largest(compositions):
    """(target, overrides) without those that another one of the target contains."""
    compositions = {(target, frozenset(overrides)) for target, overrides in compositions}
    return sorted(
        (target, *sorted(overrides))
        for target, overrides in compositions
        if not any(target == other and overrides < more for other, more in compositions)
    )


COMMANDS = commands()
MAKE, AI_MIXER, PYTHON = (
    [words[1:] for words in COMMANDS.values() if words[0] == program]
    for program in ("make", "ai-mixer", "python")
)
COMPOSITIONS = largest((target, composable(words)) for target, *words in MAKE)


def stage_of(target):
    """The module that a target of the Makefile starts, or None."""
    recipe = re.search(rf"^{target}:.*##.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)[1]
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
    """A function that composes and checks as a stage does with these words, and does not run it."""
    monkeypatch.setattr(
        stage_module,
        "compose_group_choices",
        lambda name, overrides: cached_group_choices(
            name, tuple(word for word in overrides if word.partition("=")[0] in config_groups())
        ),
    )

    def main(version_base, config_path, config_name):
        def run():
            overrides = sys.argv[1:]
            with hydra.initialize_config_dir(config_path, version_base=version_base):
                cfg = hydra.compose(config_name, overrides)
                stage_module.checked_config(cfg, config_name.removeprefix("stage/"), overrides)

        return lambda task: run

    def start(stage, words):
        monkeypatch.setattr(hydra, "main", main)
        monkeypatch.setattr(sys, "argv", ["stage", *words])
        try:
            stage.main()
        except SystemExit:
            pytest.fail(capsys.readouterr().err)

    return start


def test_commands_of_every_kind_are_found():
    assert {words[0] for words in COMMANDS.values()} >= {"make", "ai-mixer", "python"}
    assert (len(MAKE), len(AI_MIXER), len(PYTHON)) > (200, 12, 12)
    assert len(COMPOSITIONS) > 120


def test_every_make_command_has_a_target():
    assert {target for target, *_ in MAKE} <= TARGETS


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=" ".join)
def test_a_make_command_composes(composition, compose, monkeypatch):
    target, *words = composition
    if target == "roughs":
        pytest.importorskip("pedalboard", reason="part of the extra `dev`")
        monkeypatch.syspath_prepend(ROOT / "benchmarks" / "roughs")
    keys = {word.partition("=")[0] for word in words}
    required = [word for word in REQUIRED.get(target, ()) if word.partition("=")[0] not in keys]
    if words:
        compose(stage_of(target), [*required, *words])


@pytest.mark.parametrize("words", AI_MIXER, ids=" ".join)
def test_an_ai_mixer_command_parses(words):
    group = typer.main.get_command(app)
    names = {*group.commands, *group.commands["models"].commands, "COMMAND"}
    if set(words) - {"--help"} <= names:  # a name, not a call
        return
    command = group.commands[words[0]]
    if words[0] == "models":
        command, words = command.commands[words[1]], words[1:]
    options = command.make_context(words[0], words[1:]).params
    if words[0] == "mix":
        parse_mix_options(*(options[name] for name in ("amount", "only", "settings", "style")))
        parse_target(options["target"])


@pytest.mark.parametrize("words", PYTHON, ids=" ".join)
def test_a_python_command_names_a_module_or_file(words, compose):
    first, *words = words
    if first == "-c":
        compile(words[0], "<command>", "exec")
    elif first == "-m":
        module, *words = words
        assert importlib.util.find_spec(module.replace("<stage>", "train")) is not None
        if module.startswith(STAGES) and "--config-dir" not in words:
            compose(importlib.import_module(module), [word for word in words if "=" in word])
        if module == "pytest":
            assert (ROOT / words[0]).exists()
    else:
        assert (ROOT / first).exists()
