"""What each augmentation keeps: the true knobs stay true."""

import math
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

RATE = 44_100
AUDIO = ("rough", "finished", "reference")


@pytest.fixture(scope="module")
def console():
    return load_console()


@pytest.fixture(scope="module")
def example(console):
    rough = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (2, RATE))).float()
    knobs = torch.linspace(0.1, 0.9, len(console.knobs))
    knobs = torch.where(console.invertible, knobs, console.neutral)
    finished = console(rough[None], RATE, knobs[None])[0]
    return Example(rough, finished, finished, 2, knobs, knobs > 0, -1, RATE, "noise")


@pytest.mark.parametrize("step", [PolarityFlip(1.0), ChannelSwap(1.0)])
def test_true_knobs_stay_true(console, example, step):
    changed = step.apply(example, True)
    mix = console(changed.rough[None], RATE, changed.knobs[None])[0]
    error = (mix - changed.finished).norm() / mix.norm()
    assert 20 * math.log10(float(error) + 1e-12) < -100
    assert not torch.equal(changed.rough, example.rough)
    for name in AUDIO:  # done to all alike, and undone by doing it again
        assert torch.equal(getattr(changed, name), step.process(getattr(example, name)))
        assert torch.equal(getattr(step.apply(changed, True), name), getattr(example, name))
    same = {name: getattr(example, name) for name in AUDIO}
    assert replace(changed, **same) == example


def test_polarity_keeps_reverb_and_delay_true_too(console, example):
    wet = torch.full_like(example.knobs, 0.5)
    mix, turned = (console(x[None], RATE, wet[None]) for x in (example.rough, -example.rough))
    torch.testing.assert_close(turned, -mix)


def test_nothing_is_the_identity(example):
    chain = Compose()
    assert chain.apply(example, chain.draw(np.random.default_rng(0))) is example


def test_a_draw_can_be_repeated(example):
    chain = Compose([PolarityFlip(), ChannelSwap()])
    draws = [chain.draw(np.random.default_rng(seed)) for seed in range(30)]
    assert {tuple(draw) for draw in draws} == {(a, b) for a in (True, False) for b in (True, False)}
    assert draws == [chain.draw(np.random.default_rng(seed)) for seed in range(30)]
    both = chain.apply(example, [True, True])
    assert torch.equal(both.rough, -example.rough.flip(0))
    assert chain.apply(example, [False, False]) is example


@pytest.mark.parametrize("name", ["none", "gentle", "strong"])
def test_configs(console, name):
    page = OmegaConf.load(config_folder() / "augment" / f"{name}.yaml")
    chain = instantiate(page, knobs=console.names)
    disturbed = {knob for step in chain.steps for knob in step.invalidates}
    assert bool(disturbed) == (name == "strong")
    assert bool(chain.steps) == (name != "none")


def test_stems_come_first(console):
    """They are as on disk: what was stretched already does not fit them."""
    chain = Compose([PolarityFlip(), Speed(), StemRemix(), TimeStretch()])
    assert [type(step) for step in chain.steps] == [StemRemix, PolarityFlip, Speed, TimeStretch]


def test_a_chain_reads_the_product():
    chain = Compose([Speed(probability=1.0), TimeStretch(probability=1.0), PolarityFlip()])
    assert chain.source_seconds([(18, 17), 0.9, True]) == pytest.approx(18 / 17 * 0.9)
    assert chain.source_seconds([None, None, False]) == 1.0


def test_a_step_that_does_not_happen_masks_nothing(console, example):
    chain = Compose([Level(probability=0.0), StereoImage(probability=1.0)], console.names)
    changed = chain.apply(example, chain.draw(np.random.default_rng(0)))
    unlabelled = [name for name, on in zip(console.names, changed.unlabelled, strict=True) if on]
    assert unlabelled == ["low_eq", "stereo_width"]
