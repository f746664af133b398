"""Tests of the validation of config values against constructor signatures."""

import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from omegaconf import DictConfig, ListConfig, OmegaConf

from ai_mixer.config.argument_validation import accepts_argument, check_arguments, matches_type


@pytest.mark.parametrize("stage", ["train", "evaluate", "render"])
def test_the_config_files_pass_the_check(compose, stage):
    cfg = compose(page=stage)
    check_arguments(cfg, cfg)


def test_a_key_accepts_what_the_arguments_accept_that_refer_to_it(compose):
    """`excerpt: 5` is a number, and `loader.excerpt_s: ${excerpt}` may also be full."""
    check_arguments(compose("excerpt=full"), compose())
    check_arguments(compose("excerpt=2.5"), compose())
    with pytest.raises(ValueError, match=r"^excerpt=whole: must be a number or full$"):
        check_arguments(compose("excerpt=whole"), compose())
    with pytest.raises(ValueError, match=r"^seed=x: must be a whole number$"):
        check_arguments(compose("seed=x"), compose())


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (3, int, True),
        (3, float, True),
        (3.5, int, False),
        ("3", int, False),
        (True, int, False),
        (1, bool, True),
        ("yes", bool, False),
        (None, int, False),
        (None, int | None, True),
        (None, Mapping[str, float] | None, True),
        ("a", str | Path, True),
        (3, str, False),
        ("a", Path, True),
        ("step", Literal["step", "epoch"], True),
        ("stp", Literal["step", "epoch"], False),
        ([1, 2], Sequence[int], True),
        ([1, 2], float, False),
        ({"a": 1}, Mapping[str, int], True),
        ({"a": 1}, int, False),
        ("fast", float | torch.Tensor, False),
        (0.1, float | torch.Tensor, True),
        ("anything", Any, True),
        ("auto", int | str, True),
    ],
)
def test_matches_type(value, hint, expected):
    assert matches_type(value, hint) is expected


def test_accepts_argument():
    cnn = "ai_mixer.models.baseline_cnn.BaselineCNN"
    assert accepts_argument(cnn, "channels")
    assert not accepts_argument(cnn, "chanels")
    assert accepts_argument("pytorch_lightning.Trainer", "limit_train_batches")
    assert not accepts_argument("no.such.Thing", "channels")
    assert not accepts_argument(None, "channels")


def number_keys(cfg, prefix=""):
    for name in cfg if isinstance(cfg, DictConfig) else range(len(cfg)):
        if OmegaConf.is_interpolation(cfg, name) or OmegaConf.is_missing(cfg, name):
            continue
        key = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(cfg[name], DictConfig | ListConfig):
            yield from number_keys(cfg[name], key)
        elif isinstance(cfg[name], int | float) and not isinstance(cfg[name], bool):
            yield key


def test_no_number_of_a_config_may_be_nan_or_infinite(compose):
    cfg = compose(page="sweep")  # with all keys of a training
    OmegaConf.set_struct(cfg, False)
    keys = list(number_keys(cfg))
    assert {"trials", "optimizer.lr", "augment.steps.0.chance"} & set(keys)
    for key, bad in zip(keys, cycle([float("nan"), float("inf"), -float("inf")]), strict=False):
        value = OmegaConf.select(cfg, key)
        OmegaConf.update(cfg, key, bad)
        with pytest.raises(ValueError, match=rf"^{re.escape(key)}={bad}: must be a finite"):
            check_arguments(cfg, cfg)
        OmegaConf.update(cfg, key, value)
    check_arguments(cfg, cfg)
