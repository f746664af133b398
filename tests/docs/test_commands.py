"""Every command line of README, documentation, notebooks and config files composes.

`make` needs a target and overrides that its stage accepts, `ai-mixer` a command with its options,
`python -m` a module, and `python` a file.
"""

import functools
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import hydra
import pytest
import typer
from hydra.core.hydra_config import HydraConfig
from omegaconf import open_dict

from ai_mixer.cli import stage as stage_module
from ai_mixer.cli.app import app
from ai_mixer.cli.commands.parsing import parse_mix_options
from ai_mixer.config.folder import config_folder
from ai_mixer.config.overrides import compose_group_choices, config_groups
from ai_mixer.console import load_console
from ai_mixer.mixing.mix_console import default_console
from ai_mixer.mixing.track_options import options_by_track
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
GROUPS = {*config_groups()}
NAMES = {"about", "compare_run", "data.root", "experiment_name", "init_from", "name", "out", "run"}
NAMES |= {"paths.data", "paths.mlruns", "run_name", "runs", "storage", "study"}
CHANGES_ALL = {"condition", "debug", "experiment", "search", "task"}  # they change other groups
cached_group_choices = functools.cache(compose_group_choices)


def commands(*pages):
    """Each command line of Markdown pages once: text → words."""
    found = [words for text in read_texts(ROOT, *pages) for words in in_markdown(text)]
    return {" ".join(words): words for words in found}


def all_commands():
    """Each command line once: text → words."""
    found = [*commands(*PAGES).values()]
    for text in read_texts(ROOT, "notebooks/*.ipynb"):
        found += in_notebook(text)
    for text in read_texts(ROOT, "configs/**/*.yaml"):
        found += in_config(text, TARGETS)
    return {" ".join(words): words for words in found}


def composable(words):
    """The overrides among the words, without placeholders and what names runs of a machine."""
    for word in words:
        key, equals, value = key_of(word), *word.partition("=")[1:]
        is_placeholder = "<" in word or (value == PLACEHOLDER and key in {*GROUPS, "name"})
        if not equals or is_placeholder or key in OF_MAKE or value.startswith("sweep/"):
            continue
        yield f"{key}=null" if key in OF_A_RUN else word.replace(PLACEHOLDER, "x")


def merged(compositions):
    """(target, overrides): few compositions that set each key as every command does.

    Of several numbers, or names, for a key outside the config groups, the first one remains.
    """
    result = []
    distinct = sorted({(target, *sorted(words)) for target, words in compositions})
    for target, *overrides in sorted(distinct, key=len):
        keys = {key_of(override): override for override in overrides}
        for other, known in result:
            if other == target and not conflict(keys, known):
                known |= {key: keys[key] for key in keys.keys() - known.keys()}
                break
        else:
            result.append((target, keys))
    return [(target, *sorted(keys.values())) for target, keys in result]


def conflict(first, second):
    """Whether overrides (key → text) have another effect when they are given together."""
    if any(kind_of(first[key]) != kind_of(second[key]) for key in first.keys() & second.keys()):
        return True
    return any(
        key in CHANGES_ALL or any(f"{key}/".startswith(f"{k.split('.')[0]}/") for k in other)
        for choices, other in ((first, second), (second, first))
        for key in choices.keys() & GROUPS - other.keys()
    )


def kind_of(override):
    """What decides whether an override is accepted: its value, unless that is a number or name."""
    key, value = key_of(override), override.partition("=")[2]
    if key in GROUPS or value == "null":
        return value
    return "0" if re.fullmatch(r"[\d.]+(e-?\d+)?", value) else key in NAMES or value


def key_of(override):
    return override.partition("=")[0].lstrip("+~")


COMMANDS = all_commands()
MAKE, AI_MIXER, PYTHON = (
    [words[1:] for words in COMMANDS.values() if words[0] == program]
    for program in ("make", "ai-mixer", "python")
)
COMPOSITIONS = merged((target, composable(words)) for target, *words in MAKE)
OF_GUIDES = merged(
    (words[1], composable(words[2:]))
    for words in commands("README.md", "docs/guides/*.md").values()
    if words[0] == "make"
)


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
                cfg = hydra.compose(config_name, overrides, return_hydra_config=True)
                HydraConfig.instance().set_config(cfg)
                with open_dict(cfg):
                    del cfg["hydra"]
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


def test_the_compositions_contain_the_overrides_of_every_command():
    composed = {(target, key_of(word)) for target, *words in COMPOSITIONS for word in words}
    given = {(target, word) for target, *words in MAKE for word in composable(words)}
    assert composed == {(target, key_of(word)) for target, word in given}
    known = {(target, word) for target, *words in COMPOSITIONS for word in words}
    assert {word for target, word in given - known if key_of(word) in GROUPS} == set()


def test_every_make_command_has_a_target():
    assert {target for target, *_ in MAKE} <= TARGETS


@pytest.mark.parametrize(
    "composition",
    [
        *OF_GUIDES,
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in COMPOSITIONS
            if each not in OF_GUIDES
        ),
    ],
    ids=" ".join,
)
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
    arguments = words[1:]
    takes_songs = any(each.param_type_name == "argument" for each in command.params)
    if takes_songs and arguments and arguments[0].startswith("--"):  # options alone, in a sentence
        arguments = ["song.wav", *arguments]
    options = command.make_context(words[0], arguments).params
    if words[0] == "mix":
        parts = (options[name] for name in ("amount", "only", "settings", "style"))
        given = parse_mix_options(*parts)
        if options["tracks"]:
            track = SimpleNamespace(name="a.wav", file=SimpleNamespace(path=Path("a.wav")))
            options_by_track(load_console("studio"), [track], given)
            return
        console = default_console()
        console.check(console.resolve(given))


@pytest.mark.parametrize("words", PYTHON, ids=" ".join)
def test_a_python_command_names_a_module_or_file(words, compose):
    first, *words = words
    if first == "-c":
        compile(words[0], "<command>", "exec")
    elif first == "-m":
        module, *words = words
        module = re.sub("<stage>|…", "train", module)
        assert importlib.util.find_spec(module) is not None
        if module.startswith(STAGES) and "--config-dir" not in words:
            compose(importlib.import_module(module), [word for word in words if "=" in word])
        if module == "pytest":
            assert (ROOT / words[0]).exists()
    else:
        assert (ROOT / first).exists()
