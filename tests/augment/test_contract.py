"""What every augmentation owes, found by import, on whichever side it can stand."""

import copy
import importlib
import inspect
import pkgutil

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
from helpers.measures import residual_db

RATE = 44_100
BASES = {Augment, SharedAugment, SingleVersionAugment, Compose}
CONSOLE = load_console()
TASK = Restore(CONSOLE, "paired")


def steps_by_import():
    modules = [
        importlib.import_module(f"ai_mixer.augment.{module.name}")
        for module in pkgutil.iter_modules(ai_mixer.augment.__path__)
    ]
    classes = {c for m in modules for _, c in inspect.getmembers(m, inspect.isclass)}
    return sorted({c for c in classes if issubclass(c, Augment)} - BASES, key=lambda c: c.__name__)


def makers():
    """Every class on every side it takes: a function of the probability."""
    for cls in steps_by_import():
        if "version" in inspect.signature(cls).parameters:
            for version in VERSIONS:
                yield pytest.param(
                    lambda p, cls=cls, version=version: cls(version=version, probability=p),
                    id=f"{cls.__name__}-{version}",
                )
        else:
            yield pytest.param(lambda p, cls=cls: cls(probability=p), id=cls.__name__)


each_step = pytest.mark.parametrize("make", list(makers()))


def sound(channels=2, seconds=1.0, rate=RATE, seed=0):
    """Noise in bursts, different in both channels."""
    length = round(seconds * rate)
    decay = np.exp(-6 * (np.arange(length) % (rate // 4)) / (rate / 4))
    noise = np.random.default_rng(seed).normal(0, 0.2, (channels, length))
    return torch.from_numpy(noise * decay).float()


def excerpt(audio, rate=RATE):
    """It, and what it is made of: a low and a high stem."""
    low = (audio + audio.roll(1, -1)) / 2
    return Excerpt(audio, rate, {"low": lambda: low, "high": lambda: audio - low})


@pytest.fixture
def example():
    """Noise, and what the console makes of it; knobs without an inverse at neutral."""
    rough = sound()
    knobs = torch.where(CONSOLE.invertible, torch.linspace(0.1, 0.9, len(CONSOLE.knobs)), 0.0)
    knobs = torch.where(CONSOLE.invertible, knobs, CONSOLE.neutral)
    finished = CONSOLE(rough[None], RATE, knobs[None])[0]
    return Example(rough, finished, finished.flip(-1), 2, knobs, knobs > 0, -1, RATE, "noise")


def draws(step, count=5):
    rng = np.random.default_rng(0)
    return [step.draw(rng) for _ in range(count)]


def test_every_step_has_a_page():
    """So that it can be chosen, and is trained with by tests/configs."""
    pages = (config_folder() / "augment").glob("*.yaml")
    named = {step._target_ for page in pages for step in OmegaConf.load(page).get("steps", [])}
    assert named == {f"{cls.__module__}.{cls.__qualname__}" for cls in steps_by_import()}


@each_step
def test_a_draw_can_be_repeated(make, example):
    one, other = draws(make(0.7)), draws(make(0.7))
    assert repr(one) == repr(other)
    for drawn in one[:2]:
        results = [make(0.7).prepare(excerpt(sound()), drawn).audio for _ in range(2)]
        results += [make(0.7).apply(example, drawn).rough for _ in range(2)]
        assert torch.equal(results[0], results[1])
        assert torch.equal(results[2], results[3])


@each_step
def test_what_is_given_stays_as_it_is(make, example):
    step, given, before = make(1.0), excerpt(sound()), copy.deepcopy(example)
    for drawn in draws(step, 2):
        step.prepare(given, drawn)
        changed = step.apply(example, drawn)
        assert changed.rough.shape == changed.finished.shape == before.rough.shape
    assert torch.equal(given.audio, sound())
    for name in ("rough", "finished", "reference", "knobs", "mask", "free"):
        assert torch.equal(getattr(example, name), getattr(before, name))


@each_step
def test_it_does_something_in_one_place(make, example):
    """And what it does not is the identity: the very same object."""
    step = make(1.0)
    places = set()
    for drawn in draws(step):
        if not step.prepare(excerpt(sound()), drawn).audio.equal(sound()):
            places.add("before")
        if step.apply(example, drawn) is not example:
            places.add("after")
    assert len(places) == 1
    never, given = make(0.0), excerpt(sound())
    for drawn in draws(never):
        assert never.prepare(given, drawn) is given
        assert never.apply(example, drawn) is example
        assert never.source_seconds(drawn) == 1.0


@each_step
def test_the_rough_is_all_that_changes_after_the_task(make, example):
    step = make(1.0)
    if isinstance(step, SharedAugment):
        pytest.skip("turns all three alike: tests/augment/test_augment.py")
    changed = step.apply(example, step.draw(np.random.default_rng(0)))
    for name in ("finished", "reference", "knobs"):
        assert getattr(changed, name) is getattr(example, name)


@each_step
def test_masked_and_free_are_exactly_the_knobs_it_names(make, example):
    step = make(1.0)
    chain = Compose([step], knobs=CONSOLE.names)
    changed = chain.apply(example, [step.draw(np.random.default_rng(0))])
    named = torch.tensor([name in step.invalidates for name in CONSOLE.names])
    assert torch.equal(changed.mask, example.mask & ~named)
    assert torch.equal(changed.unlabelled, named)


@each_step
def test_what_is_prepared_has_true_knobs(make):
    """Before the task: it is a song like any other, and the reference is the same song."""
    step = make(1.0)
    drawn = step.draw(np.random.default_rng(3))
    prepared = step.prepare(excerpt(sound()), drawn).audio
    rng = np.random.default_rng(0)
    made = TASK(prepared, lambda: prepared, dry=False, sample_rate=RATE, rng=rng)
    mix = CONSOLE(made.rough[None], RATE, made.knobs[None])[0]
    assert residual_db(mix, made.finished) < -60
    assert torch.equal(made.reference, made.finished)


@each_step
def test_length_is_what_it_reads(make):
    step = make(1.0)
    for drawn in draws(step):
        source_seconds = step.source_seconds(drawn)
        changed = step.prepare(excerpt(sound(seconds=source_seconds)), drawn).audio
        assert abs(changed.shape[-1] - RATE) <= 2
        assert 0.8 < source_seconds < 1.25


@each_step
@pytest.mark.parametrize(
    ("channels", "seconds", "rate"), [(1, 1.0, 44_100), (2, 0.4, 8_000), (2, 0.5, 96_000)]
)
@pytest.mark.parametrize("level", [0.0, 1e-25, 1.0, 30.0])
def test_any_audio(make, channels, seconds, rate, level):
    step, audio = make(1.0), level * sound(channels, seconds, rate)
    knobs = torch.zeros(0)
    given = Example(audio, audio, audio, 0, knobs, knobs > 0, -1, rate, "any")
    for drawn in draws(step, 2):
        prepared = step.prepare(excerpt(audio, rate), drawn).audio
        applied = step.apply(given, drawn).rough
        for changed in (prepared, applied):
            assert changed.dtype == torch.float32
            assert len(changed) == channels
            assert changed.isfinite().all()
            if level == 0.0:
                assert not changed.any()


def test_disturbing_what_is_not_there_is_named():
    steps = [make.values[0](1.0) for make in makers()]
    disturbing = [step for step in steps if step.invalidates]
    assert disturbing
    for step in disturbing:
        with pytest.raises(ValueError, match=f"{type(step).__name__} disturbs .*name its own"):
            Compose([step], knobs=["treble"])


def test_nonsense_is_named():
    for make in makers():
        with pytest.raises(ValueError, match="probability must be 0–1, got 2"):
            make.values[0](2)
    with pytest.raises(ValueError, match="version 'left' is none of finished, rough"):
        SingleVersionAugment("left", 0.5)
