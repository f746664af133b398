"""Laws that every augmentation satisfies, for each version it can change; found by import."""

import copy
import inspect

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import ai_mixer.augment
from ai_mixer.augment.augment import Augment, Compose, SharedAugment
from ai_mixer.augment.single_version import VERSIONS, SingleVersionAugment
from ai_mixer.config.folder import config_folder
from ai_mixer.console import load_console
from ai_mixer.core.types import Example, Excerpt
from ai_mixer.tasks.restore import Restore
from helpers.discovery import subclasses_in
from helpers.measures import residual_db
from helpers.signals import noise

RATE = 44_100
BASES = {Augment, SharedAugment, SingleVersionAugment, Compose}
CONSOLE = load_console()
TASK = Restore(CONSOLE, "paired")


def steps_by_import():
    return [c for c in subclasses_in(ai_mixer.augment, Augment) if c not in BASES]


def constructors():
    """Functions probability → augmentation, for every class and every version it can change."""
    for cls in steps_by_import():
        if "version" in inspect.signature(cls).parameters:
            for version in VERSIONS:
                yield pytest.param(
                    lambda p, cls=cls, version=version: cls(version=version, probability=p),
                    id=f"{cls.__name__}-{version}",
                )
        else:
            yield pytest.param(lambda p, cls=cls: cls(probability=p), id=cls.__name__)


each_step = pytest.mark.parametrize("make", list(constructors()))


def bursts(channels=2, seconds=1.0, rate=RATE):
    """Uncorrelated noise with four decays per second."""
    audio = noise(channels, seconds=seconds, rate=rate, level=0.2)
    return audio * torch.exp(-6 * (torch.arange(audio.shape[-1]) % (rate // 4)) / (rate / 4))


def excerpt(audio, rate=RATE):
    """An excerpt with a low and a high stem."""
    low = (audio + audio.roll(1, -1)) / 2
    return Excerpt(audio, rate, {"low": lambda: low, "high": lambda: audio - low})


@pytest.fixture
def example():
    """An example whose finished version is the console's mix; knobs without inverse at neutral."""
    rough = bursts()
    knobs = torch.where(CONSOLE.invertible, torch.linspace(0.1, 0.9, len(CONSOLE.knobs)), 0.0)
    knobs = torch.where(CONSOLE.invertible, knobs, CONSOLE.neutral)
    finished = CONSOLE(rough[None], RATE, knobs[None])[0]
    return Example(rough, finished, finished.flip(-1), 2, knobs, knobs > 0, -1, RATE, "noise")


def draws(step, count=5):
    rng = np.random.default_rng(0)
    return [step.draw(rng) for _ in range(count)]


def test_every_augmentation_is_in_a_config():
    cfgs = map(OmegaConf.load, (config_folder() / "augment").glob("*.yaml"))
    ours = [cfg for cfg in cfgs if cfg._target_.endswith(".Compose")]  # not those of stems
    targets = {step._target_ for cfg in ours for step in cfg.steps}
    assert targets == {f"{cls.__module__}.{cls.__qualname__}" for cls in steps_by_import()}


@each_step
def test_results_depend_only_on_seed_and_parameters(make, example):
    first, second = draws(make(0.7)), draws(make(0.7))
    assert repr(first) == repr(second)
    for drawn in first[:2]:
        results = [make(0.7).prepare(excerpt(bursts()), drawn).audio for _ in range(2)]
        results += [make(0.7).apply(example, drawn).rough for _ in range(2)]
        assert torch.equal(results[0], results[1])
        assert torch.equal(results[2], results[3])


@each_step
def test_arguments_are_not_modified(make, example):
    step, before, example_before = make(1.0), excerpt(bursts()), copy.deepcopy(example)
    for drawn in draws(step, 2):
        step.prepare(before, drawn)
        changed = step.apply(example, drawn)
        assert changed.rough.shape == changed.finished.shape == example.rough.shape
    assert torch.equal(before.audio, bursts())
    for name in ("rough", "finished", "reference", "knobs", "mask", "unlabelled"):
        assert torch.equal(getattr(example, name), getattr(example_before, name))


@each_step
def test_it_acts_either_before_or_after_the_task(make, example):
    """Where it does not act it returns its argument."""
    step = make(1.0)
    places = set()
    for drawn in draws(step):
        if not step.prepare(excerpt(bursts()), drawn).audio.equal(bursts()):
            places.add("before")
        if step.apply(example, drawn) is not example:
            places.add("after")
    assert len(places) == 1
    never, before = make(0.0), excerpt(bursts())
    for drawn in draws(never):
        assert never.prepare(before, drawn) is before
        assert never.apply(example, drawn) is example
        assert never.source_seconds(drawn) == 1.0


@each_step
def test_apply_changes_only_the_rough(make, example):
    step = make(1.0)
    if isinstance(step, SharedAugment):
        pytest.skip("changes all versions: tests/augment/test_augment.py")
    changed = step.apply(example, step.draw(np.random.default_rng(0)))
    for name in ("finished", "reference", "knobs"):
        assert getattr(changed, name) is getattr(example, name)


@each_step
def test_invalidated_knobs_are_masked_and_unlabelled(make, example):
    step = make(1.0)
    steps = Compose([step], knobs=CONSOLE.names)
    changed = steps.apply(example, [step.draw(np.random.default_rng(0))])
    invalidated = torch.tensor([name in step.invalidates for name in CONSOLE.names])
    assert torch.equal(changed.mask, example.mask & ~invalidated)
    assert torch.equal(changed.unlabelled, invalidated)


@each_step
def test_knobs_are_valid_for_a_prepared_excerpt(make):
    step = make(1.0)
    drawn = step.draw(np.random.default_rng(3))
    prepared = step.prepare(excerpt(bursts()), drawn).audio
    rng = np.random.default_rng(0)
    example = TASK(prepared, lambda: prepared, dry=False, sample_rate=RATE, rng=rng)
    mix = CONSOLE(example.rough[None], RATE, example.knobs[None])[0]
    assert residual_db(mix, example.finished) < -60
    assert torch.equal(example.reference, example.finished)


@each_step
def test_source_seconds_give_one_second(make):
    step = make(1.0)
    for drawn in draws(step):
        source_seconds = step.source_seconds(drawn)
        changed = step.prepare(excerpt(bursts(seconds=source_seconds)), drawn).audio
        assert abs(changed.shape[-1] - RATE) <= 2
        assert 0.8 < source_seconds < 1.25


@each_step
@pytest.mark.parametrize(
    ("channels", "seconds", "rate"), [(1, 1.0, 44_100), (2, 0.4, 8_000), (2, 0.5, 96_000)]
)
@pytest.mark.parametrize("level", [0.0, 1e-25, 1.0, 30.0])
def test_any_audio_gives_finite_samples_and_silence_gives_silence(
    make, channels, seconds, rate, level
):
    step, audio = make(1.0), level * bursts(channels, seconds, rate)
    knobs = torch.zeros(0)
    example = Example(audio, audio, audio, 0, knobs, knobs > 0, -1, rate, "any")
    for drawn in draws(step, 2):
        prepared = step.prepare(excerpt(audio, rate), drawn).audio
        applied = step.apply(example, drawn).rough
        for changed in (prepared, applied):
            assert changed.dtype == torch.float32
            assert len(changed) == channels
            assert changed.isfinite().all()
            if level == 0.0:
                assert not changed.any()


def test_invalidated_knobs_must_be_knobs_of_the_console():
    steps = [make.values[0](1.0) for make in constructors()]
    invalidating = [step for step in steps if step.invalidates]
    assert invalidating
    for step in invalidating:
        with pytest.raises(ValueError, match=rf"{type(step).__name__}.*treble"):
            Compose([step], knobs=["treble"])


def test_invalid_arguments_are_errors():
    for make in constructors():
        with pytest.raises(ValueError, match=r"probability.*2"):
            make.values[0](2)
    with pytest.raises(ValueError, match=r"version.*left"):
        SingleVersionAugment("left", 0.5)
