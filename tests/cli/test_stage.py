"""A user's mistake is one line and code 1; a bug keeps its traceback; Ctrl-C is code 130."""

import errno
import re
import subprocess
import sys

import pytest
import yaml
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from ai_mixer.cli.errors import DEBUG_HINT
from ai_mixer.cli.stage import stage
from ai_mixer.data.folder import Folder
from ai_mixer.tracking import Store


@pytest.fixture
def run(monkeypatch, capsys):
    """A function: a task as a stage, words → exit code and the lines on stderr."""

    def run(task, *words, page="evaluate"):
        monkeypatch.setattr(sys, "argv", ["stage", *words])
        try:
            stage(page)(task)()
        except SystemExit as end:
            return end.code, capsys.readouterr().err.splitlines()
        return 0, capsys.readouterr().err.splitlines()

    return run


def raising(error):
    def task(cfg):
        raise error

    return task


def test_the_task_gets_the_config(run):
    seen = []
    assert run(seen.append, "split=val") == (0, [])
    assert seen[0].split == "val"
    assert "hydra" not in seen[0]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("x=1: no\nsuch   thing"), "x=1: no such thing"),
        (FileNotFoundError("no run yet: make train"), "no run yet: make train"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/b"), "/a/b: No such file"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied"),
        (MisconfigurationException("no GPU here"), "no GPU here"),
    ],
)
def test_a_mistake_is_one_line(run, error, line):
    assert run(raising(error)) == (1, [f"error: {line}{DEBUG_HINT}"])


@pytest.mark.parametrize(
    "kind", [TypeError, AttributeError, RuntimeError, KeyError, AssertionError]
)
def test_a_bug_keeps_its_traceback(run, kind):
    with pytest.raises(kind, match="mine"):
        run(raising(kind("mine")))


def test_debug_shows_where(run):
    with pytest.raises(ValueError, match="mine"):
        run(raising(ValueError("mine")), "--debug", "split=val")
    assert "--debug" not in sys.argv


def test_debug_for_a_word_too(run):
    with pytest.raises(ValueError, match="no such data"):
        run(raising(ValueError("never")), "data=bnd", "--debug")


def test_ctrl_c_says_nothing(run):
    assert run(raising(KeyboardInterrupt())) == (130, [])


def test_a_code_of_its_own_stays(run):
    assert run(raising(SystemExit(143))) == (143, [])


def test_only_errors_of_others_say_how_to_see_more(run):
    """Our own messages need no traceback; those of libraries may."""
    (line,) = run(lambda cfg: DataLoader([], batch_size=-1))[1]
    assert line.endswith(DEBUG_HINT)
    (line,) = run(lambda cfg: Folder("/no/where"))[1]
    assert line == "error: data.root=/no/where: no such folder"


def test_a_broken_reference_is_one_line(run):
    code, (line,) = run(lambda cfg: cfg.split, "split=${nothing}")
    assert (code, line) == (1, "error: split: Interpolation key 'nothing' not found")


def test_a_page_that_is_no_yaml_is_one_line(run):
    code, (line,) = run(lambda cfg: yaml.safe_load("a: [1\nb: 2"))
    assert code == 1
    assert line.startswith("error: while parsing a flow sequence")


def build(target, **arguments):
    node = OmegaConf.create({"part": {"_target_": target, **arguments}})
    return lambda cfg: instantiate(node.part)


def test_what_a_class_refuses_is_its_own_line(run):
    """Not Hydra's three lines around it."""
    task = build("ai_mixer.data.folder.Folder", root="/no/where")
    assert run(task) == (1, ["error: data.root=/no/where: no such folder"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chanels": 8}, "unexpected keyword argument 'chanels'"),
        ({}, r"missing 2 required positional arguments"),
    ],
)
def test_arguments_that_do_not_fit_are_told_those_that_do(run, arguments, message):
    code, (line,) = run(build("ai_mixer.models.baseline_cnn.BaselineCNN", **arguments))
    assert code == 1
    assert re.search(rf"BaselineCNN: {message}.*; it takes n_knobs, sample_rate, channels", line)


def test_a_type_error_inside_a_class_is_a_bug(run):
    with pytest.raises(InstantiationException, match="TypeError"):
        run(build("ai_mixer.models.baseline_cnn.BaselineCNN", n_knobs="x", sample_rate=[]))


def test_an_error_in_a_loader_s_worker_is_its_own_line(run):
    """torch hands on the worker's whole traceback as the message."""
    code, (line,) = run(lambda cfg: list(DataLoader(_Bad(), num_workers=1)))
    assert (code, line) == (1, "error: 16 songs in a row cannot be used: all")


class _Bad:
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise ValueError("16 songs in a row cannot be used: all")


def test_a_database_that_is_none_is_one_line(run, tmp_path):
    """However MLflow wraps what SQLite said."""
    (tmp_path / "mlflow.db").write_text("Dear diary")
    code, lines = run(lambda cfg: Store(tmp_path).experiment("any"))
    assert (code, len(lines)) == (1, 1)
    assert lines[0].startswith("error: the runs' database (mlflow.db): file is not a database")


SAY = """
import warnings
from ai_mixer.utils.progress import quiet
quiet()
for number in 1, 1, 2:
    warnings.warn(f"song {number}\\n  skipped")
    with warnings.catch_warnings():  # makes Python forget what it has shown
        pass
"""


def test_a_warning_is_one_line_and_comes_once():
    done = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True)
    assert done.stderr == "warning: song 1 skipped\nwarning: song 2 skipped\n"
