"""User errors are one line with exit code 1; bugs keep their traceback; Ctrl-C is code 130."""

import errno
import os
import re
import signal
import subprocess
import sys

import pytest
import yaml
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import debug_hint
from ai_mixer.data.folder import Folder
from ai_mixer.tracking import Store
from ai_mixer.utils.atomic_write import atomic_write


@pytest.fixture
def run(monkeypatch, capsys):
    """Function: run a task as a stage with overrides → exit code and the lines on stderr."""

    def run(task, *overrides, page="evaluate"):
        monkeypatch.setattr(sys, "argv", ["stage", *overrides])
        try:
            stage(page)(task)()
        except SystemExit as caught:
            return caught.code, capsys.readouterr().err.splitlines()
        return 0, capsys.readouterr().err.splitlines()

    return run


def raising(error):
    def task(cfg):
        raise error

    return task


def test_task_gets_the_composed_config(run):
    configs = []
    assert run(configs.append, "split=val") == (0, [])
    assert configs[0].split == "val"
    assert "hydra" not in configs[0]


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
def test_user_error_is_one_line(run, error, line):
    assert run(raising(error)) == (1, [f"error: {line}{debug_hint()}"])


def test_a_missing_value_is_named_with_the_way_to_give_it(run):
    line = "error: name has no value: give it with name=…"
    assert run(lambda cfg: cfg.name, page="package") == (1, [line])


@pytest.mark.parametrize(
    "kind", [TypeError, AttributeError, RuntimeError, KeyError, AssertionError]
)
def test_bug_keeps_its_traceback(run, kind):
    with pytest.raises(kind, match="a bug"):
        run(raising(kind("a bug")))


def test_debug_flag_raises_user_errors(run):
    with pytest.raises(ValueError, match="an error"):
        run(raising(ValueError("an error")), "--debug", "split=val")
    assert "--debug" not in sys.argv


def test_debug_flag_raises_override_errors(run):
    with pytest.raises(ValueError, match="data=bnd"):
        run(raising(ValueError("not reached")), "data=bnd", "--debug")


def test_keyboard_interrupt_is_code_130_without_a_message(run):
    assert run(raising(KeyboardInterrupt())) == (130, [])


def test_exit_code_of_the_task_is_kept(run):
    assert run(raising(SystemExit(143))) == (143, [])


def test_debug_hint_only_for_errors_of_libraries(run):
    (line,) = run(lambda cfg: DataLoader([], batch_size=-1))[1]
    assert line.endswith(debug_hint())
    (line,) = run(lambda cfg: Folder("/no/where"))[1]
    assert line.startswith("error: data.root=/no/where")
    assert not line.endswith(debug_hint())


def test_missing_interpolation_key_is_one_line(run):
    code, (line,) = run(lambda cfg: cfg.split, "split=${nothing}")
    assert (code, line) == (1, "error: split: Interpolation key 'nothing' not found")


def test_invalid_yaml_is_one_line(run):
    code, (line,) = run(lambda cfg: yaml.safe_load("a: [1\nb: 2"))
    assert code == 1
    assert line.startswith("error: while parsing a flow sequence")


def build(target, **arguments):
    node = OmegaConf.create({"part": {"_target_": target, **arguments}})
    return lambda cfg: instantiate(node.part)


def test_error_of_an_instantiated_class_is_one_line(run):
    """Without Hydra's three lines around it."""
    code, (line,) = run(build("ai_mixer.data.folder.Folder", root="/no/where"))
    assert code == 1
    assert line.startswith("error: data.root=/no/where")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chanels": 8}, "unexpected keyword argument 'chanels'"),
        ({}, r"missing 2 required positional arguments"),
    ],
)
def test_wrong_argument_is_reported_with_the_valid_ones(run, arguments, message):
    code, (line,) = run(build("ai_mixer.models.baseline_cnn.BaselineCNN", **arguments))
    assert code == 1
    assert re.search(rf"BaselineCNN: {message}.* n_knobs, sample_rate, channels", line)


def test_type_error_inside_a_class_is_a_bug(run):
    with pytest.raises(InstantiationException, match="TypeError"):
        run(build("ai_mixer.models.baseline_cnn.BaselineCNN", n_knobs="x", sample_rate=[]))


def test_error_in_a_dataloader_worker_is_one_line(run):
    """torch uses the worker's whole traceback as the message."""
    code, (line,) = run(lambda cfg: list(DataLoader(_Bad(), num_workers=1)))
    assert (code, line) == (1, "error: 16 songs in a row cannot be used: all")


class _Bad:
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise ValueError("16 songs in a row cannot be used: all")


def test_damaged_database_is_one_line(run, tmp_path, monkeypatch):
    """MLflow wraps the error of SQLite, which it gets again and again for 5 s."""
    monkeypatch.setattr("mlflow.store.db.utils.MAX_RETRY_COUNT", 1)
    (tmp_path / "mlflow.db").write_text("not a database")
    code, (line,) = run(lambda cfg: Store(tmp_path).experiment("any"))
    assert code == 1
    assert "mlflow.db): file is not a database" in line


WARN_SCRIPT = """
import warnings
from ai_mixer.utils.log import configure_logging
from ai_mixer.utils.progress import configure_warnings
configure_warnings()
configure_logging()
for number in 1, 1, 2:
    warnings.warn(f"song {number}\\n  skipped")
    with warnings.catch_warnings():  # resets Python's record of shown warnings
        pass
"""


def test_warning_is_one_line_and_shown_once():
    process = subprocess.run(
        [sys.executable, "-c", WARN_SCRIPT], capture_output=True, text=True, check=True
    )
    assert process.stderr == "warning: song 1 skipped\nwarning: song 2 skipped\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_removes_drafts_in_every_stage(run, tmp_path, number):
    def task(cfg):
        with atomic_write(tmp_path / "table.csv") as draft:
            draft.write_text("half")
            os.kill(os.getpid(), number)

    code, lines = run(task)
    assert code == 128 + number
    assert lines == [f"stopped by {number.name}: repeat the command"]
    assert not list(tmp_path.iterdir())
