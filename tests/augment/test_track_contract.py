"""Laws that every augmentation of stems satisfies; found by import."""

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

import ai_mixer.augment
from ai_mixer.augment.track_augment import ComposeTracks, TrackAugment
from ai_mixer.config.folder import config_folder
from ai_mixer.console import load_console
from ai_mixer.core.stem_excerpt import StemExcerpt
from ai_mixer.core.track import MAX_TRACKS
from ai_mixer.tasks.mono_tracks import measure_pan
from ai_mixer.tasks.remix import Remix
from helpers.discovery import subclasses_in
from helpers.measures import residual_db
from helpers.stems import RATE, stem, stems

ROLES = torch.tensor([0, 2, 4, 3, -1])
CONFIG = OmegaConf.load(config_folder() / "augment" / "tracks.yaml")


STEPS = subclasses_in(ai_mixer.augment, TrackAugment)
each_step = pytest.mark.parametrize("cls", STEPS, ids=lambda c: c.__name__)


def read_take(number, draw):
    """A take for each stem, mono except for the last one, softer than the stem."""
    return stem(draw.seed % 1000, None if number == 4 else 0.2, 0.5, -30.0)


def excerpt(audio=None, max_tracks=16, read=read_take):
    audio = stems(seconds=0.5) if audio is None else audio
    return StemExcerpt(audio, ROLES[: len(audio)], RATE, max_tracks, read)


def changed(step, given, seed=0):
    return ComposeTracks([step]).prepare_first(given, [step.draw(np.random.default_rng(seed))])


def test_every_augmentation_is_in_the_config():
    targets = {step._target_ for step in CONFIG.steps}
    assert targets == {f"{cls.__module__}.{cls.__qualname__}" for cls in STEPS}


@each_step
def test_results_depend_only_on_the_seed(cls):
    first, second = (changed(cls(probability=0.7), excerpt(), seed=3) for _ in range(2))
    assert repr(first[1]) == repr(second[1])
    assert first[0].stems.equal(second[0].stems)
    assert repr(cls(probability=0.7).draw(np.random.default_rng(4))) != repr(first[1])


@each_step
def test_it_changes_stems_and_not_its_argument(cls):
    given = excerpt()
    new, _ = changed(cls(probability=1.0), given)
    assert given.stems.equal(stems(seconds=0.5))
    assert given.roles.equal(ROLES)
    assert len(new.stems) > 5 or not new.stems.equal(given.stems)
    assert new.stems.dtype == torch.float32


@each_step
def test_without_a_draw_it_is_the_identity(cls):
    given, step = excerpt(), cls(probability=0.0)
    assert step.draw(np.random.default_rng(0)) == [None] * MAX_TRACKS
    assert changed(step, given)[0] is given


@each_step
def test_another_excerpt_gets_the_same_change(cls):
    """The parameters of the first excerpt, applied to it once more, give the same stems."""
    step, given = cls(probability=1.0), excerpt()
    new, (params,) = changed(step, given)
    again = step.prepare(given, params)
    assert again.stems.equal(new.stems)
    assert again.roles.equal(new.roles)
    other = step.prepare(excerpt(stems(1, seconds=0.5)), params)
    assert other.stems.shape == new.stems.shape
    assert other.roles.equal(new.roles)


@each_step
@pytest.mark.parametrize("level", [0.0, 1e-25, 30.0])
def test_silence_stays_silent_and_all_samples_are_finite(cls, level):
    new, _ = changed(cls(probability=1.0), excerpt(level * stems(seconds=0.5)))
    assert new.stems.isfinite().all()
    if level == 0.0:
        assert not new.stems.any()


@each_step
def test_mono_stems_stay_mono(cls):
    new, _ = changed(cls(probability=1.0), excerpt())
    pan, is_mono = measure_pan(new.stems)
    assert is_mono.tolist()[:5] == [True, True, True, True, False]
    assert is_mono[5:].all()  # doubles of mono stems
    if cls.__name__ != "AnotherTake":  # whose recording has a pan of its own
        assert pan[:4].tolist() == pytest.approx([0.0, -0.6, 0.35, -1.0], abs=1e-3)


@each_step
@pytest.mark.parametrize("max_tracks", [5, 6, 16])
def test_tracks_are_bounded_and_have_the_roles_of_their_stems(cls, max_tracks):
    step = cls(probability=1.0)
    new, _ = changed(step, excerpt(max_tracks=max_tracks))
    assert len(new.stems) == len(new.roles) <= min(max_tracks, 5 + step.added_tracks)
    assert new.roles[:5].equal(ROLES)
    assert set(new.roles[5:].tolist()) <= set(ROLES.tolist())


@each_step
def test_the_console_renders_the_finished_mix_from_the_tracks(cls, remix):
    assert law_db(remix, cls(probability=1.0)) < -80


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_console_renders_the_finished_mix_after_all_of_them(remix, seed):
    assert law_db(remix, *(cls(probability=0.5) for cls in STEPS), seed=seed) < -80


@pytest.fixture(scope="module")
def remix():
    return Remix(load_console("studio"))


def law_db(task, *steps, seed=0):
    """Difference of the mix by the true knobs from the finished mix, and of the reference."""
    compose, given = ComposeTracks(steps), excerpt(stems(seed, seconds=0.5))
    new, params = compose.prepare_first(given, compose.draw(np.random.default_rng(seed)))
    example = task(
        new.stems,
        new.roles,
        lambda: compose.prepare(given, params).stems,
        sample_rate=RATE,
        rng=np.random.default_rng(seed),
        condition="reference",
    )
    knobs = task.console.layout.from_flat(example.knobs[None])
    mix = task.console(example.tracks[None], RATE, knobs, limit=False)[0]
    # The same stems as the second excerpt: the reference is the finished mix.
    assert residual_db(example.reference, example.finished) < -60
    return residual_db(mix, example.finished)


def test_steps_that_read_files_come_first_whatever_the_order():
    steps = instantiate(CONFIG, knobs=["fader_db"]).steps
    reversed_steps = ComposeTracks(steps[::-1]).steps
    assert steps[0].needs_files
    assert reversed_steps[0].needs_files
    assert not any(step.needs_files for step in reversed_steps[1:])


def test_invalid_arguments_are_errors():
    for cls in STEPS:
        with pytest.raises(ValueError, match=r"probability.*2"):
            cls(probability=2)
