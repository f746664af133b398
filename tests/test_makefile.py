"""Tests of the Makefile: forwarding of overrides, completeness of targets and help."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from ai_mixer.config.folder import config_folder

ROOT = config_folder().parent
# Target → module of the stage that it starts.
ALL_STAGES = dict(
    re.findall(
        r"^([a-z][a-z-]*):.*\n\t@?\$\(BIN\)/python -m (ai_mixer\.cli\.stages\.\w+)",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
SPECIAL = {"doctor", "ui"}  # no overrides; host and port from variables
STAGES = {target: module for target, module in ALL_STAGES.items() if target not in SPECIAL}
OVERRIDES = [
    "model=ast_regressor",
    "loss/term=[knobs,perceptual]",
    "model.dropout=0.2",
    "+trainer.limit_train_batches=1",
    "~scheduler",
    "++a.b=1",
    "data.root=/my music/two  spaces",
    "data.root=it's",
    'name="quoted words"',
    r"name=\"escaped\"",
    "run_name=${model}-x",
    "run_name=${hydra:runtime.choices.model}",
    "price=$5",
    "price=$$5",
    "price=$(shell touch /tmp/never)",
    "price=`id`",
    "lr=interval(1e-5, 1e-3)",
    "lr=tag(log, interval(1e-5,1e-3))",
    "model.dropout=choice(0.1,0.2)",
    "set={a: 1, b: [2, 3]}",
    "empty=",
    "equals=a=b=c",
    "hash=#1",
    "percent=%",
    "semicolon=a;b|c&d>e<f",
    "star=*?",
    "backslash=a\\b",
    "unicode=Größe",
    "name=1",
    "v=1",
    "_v=1",
    "1=2",
    "seed=3",
    "console.chain.6.effect.delay_ms=250",
    "value=2",
    "origin=2",
    "loader=default",
    "data=folder",
    "trailing=space ",
]
UNSUPPORTED = {"~scheduler", "1=2"}  # make itself interprets these

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def folder(tmp_path):
    """The Makefile in a folder that looks installed; its Python writes its arguments to a file."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    python = binaries / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > arguments\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".ready").touch()
    return tmp_path


def make(folder, *arguments, check=True):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=check, capture_output=True, text=True
    )


def stage_arguments(folder, *arguments):
    """Arguments of Python for a make command."""
    make(folder, *arguments)
    return (folder / "arguments").read_text().split("\0")[:-1]


@pytest.mark.parametrize("override", [one for one in OVERRIDES if one not in UNSUPPORTED])
def test_an_override_is_forwarded_unchanged(folder, override):
    expected = ["-m", "ai_mixer.cli.stages.train", override]
    assert stage_arguments(folder, "train", override) == expected


def test_many_overrides_are_forwarded_together(folder):
    overrides = {one.partition("=")[0]: one for one in OVERRIDES if one not in UNSUPPORTED}
    forwarded = stage_arguments(folder, "train", *overrides.values())
    assert sorted(forwarded[2:]) == sorted(overrides.values())


def test_every_stage_has_a_target():
    files = (ROOT / "src" / "ai_mixer" / "cli" / "stages").glob("*.py")
    stages = {file.stem for file in files if "\n@stage(" in file.read_text(encoding="utf-8")}
    assert len(stages) > 15
    assert stages | {"doctor"} == {module.rpartition(".")[2] for module in ALL_STAGES.values()}


@pytest.mark.parametrize(("target", "module"), STAGES.items())
def test_every_stage_target_forwards_overrides(folder, target, module):
    expected = ["-m", module, "a.b=[1]", "run=last"]
    assert stage_arguments(folder, target, "run=last", "a.b=[1]") == expected


def test_roughs_run_outside_the_package(folder):
    """They need pedalboard, which the package must not import."""
    expected = ["benchmarks/roughs", "data=band", "out=/my roughs"]
    assert stage_arguments(folder, "roughs", "data=band", "out=/my roughs") == expected


def test_dry_run_shows_the_plain_command(folder):
    printed = make(folder, "-n", "train", "loss/term=[knobs,perceptual]", "model=cnn").stdout
    (line,) = printed.splitlines()
    assert shlex.split(line) == [
        ".venv/bin/python",
        "-m",
        "ai_mixer.cli.stages.train",
        "loss/term=[knobs,perceptual]",
        "model=cnn",
    ]


@pytest.mark.parametrize("target", STAGES)
def test_debug_is_forwarded_as_a_flag(folder, target):
    assert stage_arguments(folder, target, "DEBUG=1", "seed=1")[2:] == ["--debug", "seed=1"]
    assert stage_arguments(folder, target, "DEBUG=", "seed=1")[2:] == ["seed=1"]


def test_an_argument_that_is_neither_target_nor_override_is_an_error(folder):
    """Before the stage runs: make would otherwise train first and then fail to find a rule."""
    done = make(folder, "train", "ast_regressor", check=False)
    assert done.returncode != 0
    assert "ast_regressor: " in done.stderr
    assert not (folder / "arguments").exists()


@pytest.mark.parametrize("variable", ["PYTHON=python3", "HOST=0.0.0.0", "PORT=5001"])
def test_variables_of_the_makefile_are_not_forwarded(folder, variable):
    expected = ["-m", "ai_mixer.cli.stages.train", "seed=1"]
    assert stage_arguments(folder, "train", variable, "seed=1") == expected


def test_the_environment_is_not_forwarded(folder, monkeypatch):
    monkeypatch.setenv("model", "cnn")
    monkeypatch.setenv("DEBUG", "1")
    assert stage_arguments(folder, "train") == ["-m", "ai_mixer.cli.stages.train"]


def test_host_and_port_are_forwarded_to_the_ui(folder):
    arguments = stage_arguments(folder, "ui", "HOST=0.0.0.0", "PORT=5001", "paths.mlruns=/my runs")
    assert arguments == [
        "-m",
        "ai_mixer.cli.stages.ui",
        "host=0.0.0.0",
        "port=5001",
        "paths.mlruns=/my runs",
    ]


def test_nothing_is_installed_if_the_environment_is_up_to_date(folder):
    assert "pip" not in make(folder, "-n", "train").stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_dependencies_are_installed(folder, name):
    os.utime(folder / ".venv" / ".ready", (1, 1))
    os.utime(folder / name)
    assert "pip install" in make(folder, "-n", "train").stdout


def test_help_is_the_default_and_lists_every_target(folder):
    text = (folder / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    assert {*ALL_STAGES, "test", "help", "check"} <= targets
    printed = make(folder).stdout
    assert printed == make(folder, "help").stdout
    listed = dict(re.findall(r"^\s+make ([a-z-]+)\s+(\S.*)$", printed, re.MULTILINE))
    assert set(listed) == targets


def test_every_target_is_phony(folder):
    """A folder of the same name (tests, data, configs) must not disable a target."""
    text = (folder / "Makefile").read_text()
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split())
    assert phony == set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def test_a_failing_stage_fails_make(folder):
    (folder / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    assert make(folder, "train", check=False).returncode != 0


def test_an_old_python_is_an_error_before_the_installation(folder):
    shutil.rmtree(folder / ".venv")
    old = folder / "oldpython"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 9, 0); $2"\n')
    old.chmod(0o755)
    done = make(folder, "train", f"PYTHON={old}", check=False)
    assert done.returncode != 0
    assert re.search(r"3\.11 to 3\.13.*3\.9", done.stderr)
    assert not (folder / ".venv").exists()
