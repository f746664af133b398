"""The Makefile hands words on untouched, and its help is complete."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from ai_mixer.config.folder import config_folder

ROOT = config_folder().parent
# Every target that starts a stage, and the module that it starts.
STARTED = dict(
    re.findall(
        r"^([a-z][a-z-]*):.*\n\t@?\$\(BIN\)/python -m (ai_mixer\.stages\.\w+)",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
OTHERS = {"doctor", "ui"}  # takes no words; gets host and port from variables
STAGES = {target: module for target, module in STARTED.items() if target not in OTHERS}
WORDS = [
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
IMPOSSIBLE = {"~scheduler", "1=2"}  # words that make itself reads as something else

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def place(tmp_path):
    """The Makefile in a folder that looks installed; its python writes down what it is given."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    python = binaries / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > given\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / ".ready").touch()
    return tmp_path


def make(place, *words, check=True):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", *words], cwd=place, env=environment, check=check, capture_output=True, text=True
    )


def given(place, *words):
    """What the stage's python got on its command line."""
    make(place, *words)
    return (place / "given").read_text().split("\0")[:-1]


@pytest.mark.parametrize("word", [word for word in WORDS if word not in IMPOSSIBLE])
def test_a_word_arrives_untouched(place, word):
    assert given(place, "train", word) == ["-m", "ai_mixer.cli.stages.train", word]


def test_many_words_arrive_together(place):
    words = {word.partition("=")[0]: word for word in WORDS if word not in IMPOSSIBLE}
    arrived = given(place, "train", *words.values())
    assert sorted(arrived[2:]) == sorted(words.values())


def test_every_stage_has_a_target():
    files = (ROOT / "src" / "ai_mixer" / "stages").glob("*.py")
    mains = {file.stem for file in files if "\n@stage(" in file.read_text(encoding="utf-8")}
    assert len(mains) > 15
    assert mains | {"doctor"} == {module.rpartition(".")[2] for module in STARTED.values()}


@pytest.mark.parametrize(("target", "module"), STAGES.items())
def test_every_stage_forwards(place, target, module):
    assert given(place, target, "run=last", "a.b=[1]") == ["-m", module, "a.b=[1]", "run=last"]


def test_roughs_run_outside_the_package(place):
    """They need pedalboard, which the package never imports."""
    words = ["benchmarks/roughs", "data=band", "out=/my roughs"]
    assert given(place, "roughs", "data=band", "out=/my roughs") == words


def test_the_plain_command_is_shown(place):
    printed = make(place, "-n", "train", "loss/term=[knobs,perceptual]", "model=cnn").stdout
    (line,) = printed.splitlines()
    assert shlex.split(line) == [
        ".venv/bin/python",
        "-m",
        "ai_mixer.cli.stages.train",
        "loss/term=[knobs,perceptual]",
        "model=cnn",
    ]


@pytest.mark.parametrize("target", STAGES)
def test_debug_asks_for_tracebacks(place, target):
    assert given(place, target, "DEBUG=1", "seed=1")[2:] == ["--debug", "seed=1"]
    assert given(place, target, "DEBUG=", "seed=1")[2:] == ["seed=1"]


def test_a_word_that_is_neither_is_refused_before_anything_runs(place):
    """Else make would train for minutes and only then find no rule for it."""
    done = make(place, "train", "ast_regressor", check=False)
    assert done.returncode != 0
    assert "ast_regressor: neither a target (make help) nor name=value" in done.stderr
    assert not (place / "given").exists()


@pytest.mark.parametrize("word", ["PYTHON=python3", "HOST=0.0.0.0", "PORT=5001"])
def test_the_makefile_s_own_words_stay(place, word):
    assert given(place, "train", word, "seed=1") == ["-m", "ai_mixer.cli.stages.train", "seed=1"]


def test_the_environment_is_not_forwarded(place, monkeypatch):
    monkeypatch.setenv("model", "cnn")
    monkeypatch.setenv("DEBUG", "1")
    assert given(place, "train") == ["-m", "ai_mixer.cli.stages.train"]


def test_host_and_port_reach_the_ui(place):
    words = given(place, "ui", "HOST=0.0.0.0", "PORT=5001", "paths.mlruns=/my runs")
    assert words == [
        "-m",
        "ai_mixer.cli.stages.ui",
        "host=0.0.0.0",
        "port=5001",
        "paths.mlruns=/my runs",
    ]


def test_a_second_use_installs_nothing(place):
    assert "pip" not in make(place, "-n", "train").stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_dependency_installs_again(place, name):
    os.utime(place / ".venv" / ".ready", (1, 1))
    os.utime(place / name)
    assert "pip install" in make(place, "-n", "train").stdout


def test_help_is_the_default_and_lists_every_target(place):
    text = (place / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    assert {*STARTED, "test", "help", "check"} <= targets
    printed = make(place).stdout
    assert printed == make(place, "help").stdout
    listed = dict(re.findall(r"^\s+make ([a-z-]+)\s+(\S.*)$", printed, re.MULTILINE))
    assert set(listed) == targets


def test_every_target_is_phony(place):
    """A folder of the same name (tests, data, configs) must not stop a target."""
    text = (place / "Makefile").read_text()
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split())
    assert phony == set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def test_a_failing_stage_fails_make(place):
    (place / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    assert make(place, "train", check=False).returncode != 0


def test_an_old_python_is_answered_in_one_line(place):
    shutil.rmtree(place / ".venv")
    old = place / "oldpython"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 9, 0); $2"\n')
    old.chmod(0o755)
    done = make(place, "train", f"PYTHON={old}", check=False)
    assert done.returncode != 0
    assert "needs Python 3.11 to 3.13, this is 3.9" in done.stderr
    assert not (place / ".venv").exists()
