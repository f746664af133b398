"""What every augmentation owes, found by import: the true knobs stay true."""

import copy
import importlib
import inspect
import math
import pkgutil

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import ai_mixer.augment
from ai_mixer.augment.augment import Augment, Chain, Flip
from ai_mixer.console import load_console
from ai_mixer.console.load import config_folder
from ai_mixer.types import Example

RATE = 44_100
BASES = {Augment, Flip, Chain}
CONSOLE = load_console()


def steps_by_import():
    modules = [
        importlib.import_module(f"ai_mixer.augment.{module.name}")
        for module in pkgutil.iter_modules(ai_mixer.augment.__path__)
    ]
    classes = {c for m in modules for _, c in inspect.getmembers(m, inspect.isclass)}
    return sorted({c for c in classes if issubclass(c, Augment)} - BASES, key=lambda c: c.__name__)


each_step = pytest.mark.parametrize("cls", steps_by_import(), ids=lambda cls: cls.__name__)


@pytest.fixture
def example():
    """Noise, and what the console makes of it; knobs without an inverse at neutral."""
    rough = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (2, RATE))).float()
    knobs = torch.where(CONSOLE.invertible, torch.linspace(0.1, 0.9, len(CONSOLE.knobs)), 0.0)
    knobs = torch.where(CONSOLE.invertible, knobs, CONSOLE.neutral)
    finished = CONSOLE(rough[None], RATE, knobs[None])[0]
    return Example(rough, finished, finished.flip(-1), 2, knobs, knobs > 0, -1, RATE, "noise")


def draws(step, count=10):
    rng = np.random.default_rng(0)
    return [step.draw(rng) for _ in range(count)]


def test_every_step_has_a_page():
    """So that it can be chosen, and is trained with by tests/configs."""
    pages = (config_folder() / "augment").glob("*.yaml")
    named = {step._target_ for page in pages for step in OmegaConf.load(page).get("steps", [])}
    assert named == {f"{cls.__module__}.{cls.__qualname__}" for cls in steps_by_import()}


@each_step
def test_a_draw_can_be_repeated(cls):
    assert repr(draws(cls())) == repr(draws(cls()))


@each_step
def test_the_given_example_stays_as_it_is(cls, example):
    before = copy.deepcopy(example)
    for drawn in draws(cls()):
        changed = cls().apply(example, drawn)
        assert changed.rough.shape == changed.finished.shape == before.rough.shape
    for name in ("rough", "finished", "reference", "knobs", "mask"):
        assert torch.equal(getattr(example, name), getattr(before, name))


@each_step
def test_what_is_not_masked_is_true(cls, example):
    """The console makes the changed finished version of the changed rough, or the knobs say not."""
    for drawn in draws(cls()):
        changed = cls().apply(example, drawn)
        if not changed.mask.equal(example.mask):
            assert not (changed.mask & ~example.mask).any()
            continue
        mix = CONSOLE(changed.rough[None], RATE, changed.knobs[None])[0]
        error = (mix - changed.finished).norm() / mix.norm()
        assert 20 * math.log10(float(error) + 1e-12) < -100


@each_step
def test_it_does_something(cls, example):
    same = [cls().apply(example, drawn).rough.equal(example.rough) for drawn in draws(cls())]
    assert not all(same)
