"""The group `logger`: MLflow always, and CSV, TensorBoard, Weights & Biases or several."""

import sys

import pytest

from ai_mixer.training.loggers import build_loggers
from ai_mixer.training.preflight import check_later_steps


def kinds(loggers):
    return [type(logger).__name__ for logger in loggers]


def test_default_and_mlflow_add_no_logger(compose, tmp_path):
    assert build_loggers(compose(), tmp_path) == []
    assert build_loggers(compose("logger=mlflow"), tmp_path) == []


def test_one_or_several_are_selected_by_name(compose, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "lightning_fabric.loggers.tensorboard._TENSORBOARD_AVAILABLE", True, raising=False
    )
    assert kinds(build_loggers(compose("logger=csv"), tmp_path)) == ["CSVLogger"]
    several = build_loggers(compose("logger=[mlflow,csv,tensorboard]"), tmp_path)
    assert kinds(several) == ["CSVLogger", "TensorBoardLogger"]
    assert all(logger.save_dir == str(tmp_path) for logger in several)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "module", "flag"),
    [
        ("wandb", "pytorch_lightning.loggers.wandb", "_WANDB_AVAILABLE"),
        ("tensorboard", "lightning_fabric.loggers.tensorboard", "_TENSORBOARD_AVAILABLE"),
    ],
)
def test_missing_package_is_one_line_before_the_run(compose, monkeypatch, name, module, flag):
    monkeypatch.setattr(sys.modules[module], flag, False)
    monkeypatch.setattr(
        sys.modules["lightning_fabric.loggers.tensorboard"], "_TENSORBOARDX_AVAILABLE", False
    )
    with pytest.raises(ValueError, match=rf"^logger={name}: {name} is not .*ai-mixer\[loggers\]"):
        check_later_steps(compose(f"logger={name}"))


def test_logger_of_another_package_is_refused(compose):
    with pytest.raises(
        ValueError, match=r"^logger\.csv\._target_=os\.mkdir: not among the allowed"
    ):
        build_loggers(compose("logger=csv", "logger.csv._target_=os.mkdir"), "x")
