"""Shared augmentations, and Compose."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.augment.augment import Compose
from ai_mixer.augment.channel_swap import ChannelSwap
from ai_mixer.augment.level import Level
from ai_mixer.augment.polarity_flip import PolarityFlip
from ai_mixer.augment.speed import Speed
from ai_mixer.augment.stem_remix import StemRemix
from ai_mixer.augment.stereo_image import StereoImage
from ai_mixer.augment.time_stretch import TimeStretch
from ai_mixer.config.folder import config_folder
from ai_mixer.console import load_console
from ai_mixer.core.types import Example
from helpers.measures import residual_db
from helpers.signals import noise

RATE = 44_100
AUDIO = ("rough", "finished", "reference")


@pytest.fixture(scope="module")
def console():
    return load_console()


@pytest.fixture(scope="module")
def example(console):
    rough = noise(2, RATE)
    knobs = torch.linspace(0.1, 0.9, len(console.knobs))
    knobs = torch.where(console.invertible, knobs, console.neutral)
    finished = console(rough[None], RATE, knobs[None])[0]
    return Example(rough, finished, finished, 2, knobs, knobs > 0, -1, RATE, "noise")


@pytest.mark.parametrize("step", [PolarityFlip(1.0), ChannelSwap(1.0)])
def test_shared_augmentations_keep_all_knobs_valid(console, example, step):
    changed = step.apply(example, True)
    mix = console(changed.rough[None], RATE, changed.knobs[None])[0]
    assert residual_db(changed.finished, mix) < -100
    assert not torch.equal(changed.rough, example.rough)
    for name in AUDIO:  # the same change of all, and its own inverse
        assert torch.equal(getattr(changed, name), step.process(getattr(example, name)))
        assert torch.equal(getattr(step.apply(changed, True), name), getattr(example, name))
    audio = {name: getattr(example, name) for name in AUDIO}
    assert replace(changed, **audio) == example


def test_console_with_reverb_and_delay_is_odd(console, example):
    knobs = torch.full_like(example.knobs, 0.5)
    mix, inverted = (console(x[None], RATE, knobs[None]) for x in (example.rough, -example.rough))
    torch.testing.assert_close(inverted, -mix)


def test_empty_compose_is_the_identity(example):
    steps = Compose()
    assert steps.apply(example, steps.draw(np.random.default_rng(0))) is example


def test_compose_draws_steps_independently_and_applies_those_drawn(example):
    steps = Compose([PolarityFlip(), ChannelSwap()])
    draws = {tuple(steps.draw(np.random.default_rng(seed))) for seed in range(30)}
    assert draws == {(a, b) for a in (True, False) for b in (True, False)}
    both = steps.apply(example, [True, True])
    assert torch.equal(both.rough, -example.rough.flip(0))
    assert steps.apply(example, [False, False]) is example


@pytest.mark.parametrize("name", ["none", "gentle", "strong"])
def test_configs(console, name):
    cfg = OmegaConf.load(config_folder() / "augment" / f"{name}.yaml")
    steps = instantiate(cfg, knobs=console.names).steps
    assert any(step.invalidates for step in steps) == (name == "strong")
    assert bool(steps) == (name != "none")


def test_compose_puts_steps_with_stems_first():
    """Stems on disk do not fit a song that is already stretched."""
    steps = Compose([PolarityFlip(), Speed(), StemRemix(), TimeStretch()]).steps
    assert [type(step) for step in steps] == [StemRemix, PolarityFlip, Speed, TimeStretch]


def test_compose_needs_the_product_of_the_source_seconds():
    steps = Compose([Speed(probability=1.0), TimeStretch(probability=1.0), PolarityFlip()])
    assert steps.source_seconds([(18, 17), 0.9, True]) == pytest.approx(18 / 17 * 0.9)
    assert steps.source_seconds([None, None, False]) == 1.0


def test_a_step_that_is_not_applied_masks_no_knob(console, example):
    steps = Compose([Level(probability=0.0), StereoImage(probability=1.0)], console.names)
    changed = steps.apply(example, steps.draw(np.random.default_rng(0)))
    unlabelled = [name for name, on in zip(console.names, changed.unlabelled, strict=True) if on]
    assert unlabelled == ["low_eq", "stereo_width"]
