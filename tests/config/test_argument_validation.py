"""Tests of the validation of config values against constructor signatures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

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
