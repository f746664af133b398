"""Tests of the task `restore`: targets, masks, conditions, real roughs."""

import itertools
import math

import numpy as np
import pytest
import torch

from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.console import load_console
from ai_mixer.core.types import CONDITIONS
from ai_mixer.tasks.restore import Restore
from ai_mixer.tasks.restore_batch import MAX_FINISHED_PEAK_DBTP
from helpers.measures import residual_db
from helpers.music import finished_songs

RATE = 44_100


def song(seed=0, seconds=1.0, peak=1.3):
    """Loud, decaying, wide noise bursts, on which all effects are audible."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-5 * (np.arange(int(seconds * RATE)) % 11_025) / 11_025)
    audio = torch.from_numpy(rng.normal(size=(2, len(decay))) * decay).float()
    return audio * (peak / audio.abs().amax())


@pytest.fixture(scope="module")
def task():
    return Restore(load_console())


def make(task, seed=0, dry=False, condition=None, finished=None, other=None):
    finished = song(seed) if finished is None else finished
    return task(
        finished,
        other or (lambda: song(seed + 1000)),
        dry=dry,
        sample_rate=RATE,
        rng=np.random.default_rng(seed),
        condition=condition,
    )


def masked(task, example):
    return {name for name, on in zip(task.console.names, example.mask, strict=True) if not on}


def render(task, example):
    return task.console(example.rough[None], RATE, example.knobs[None])[0]


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_the_console_renders_the_finished_version_from_rough_and_knobs(task, seed, dry):
    example = make(task, seed, dry)
    assert residual_db(render(task, example), example.finished) < -60
    assert residual_db(example.rough, example.finished) > -40


@pytest.mark.music
def test_the_console_renders_the_finished_version_of_real_music(task):
    for seed, file in enumerate(finished_songs(7)):
        example = make(task, seed, finished=read_excerpt(file, 2.0, 3.0, RATE))
        assert residual_db(render(task, example), example.finished) < -60, file


def test_the_finished_version_is_attenuated_to_the_peak_limit(task):
    loud, soft = song(peak=2.0), song(peak=0.5)
    assert torch.equal(make(task, finished=soft).finished, soft)
    finished = make(task, finished=loud).finished
    assert finished.abs().amax() <= 10 ** (MAX_FINISHED_PEAK_DBTP / 20)
    gain = finished.abs().amax() / loud.abs().amax()
    torch.testing.assert_close(finished, loud * gain)
    # The other excerpt gets the same gain.
    other = make(task, finished=loud, condition="reference").reference
    torch.testing.assert_close(other, song(1000) * gain)


def test_without_a_dry_version_reverb_and_delay_are_masked_and_neutral(task):
    example = make(task)
    assert {"delay", "reverb"} <= masked(task, example)
    inexact = ~task.console.invertible
    assert torch.equal(example.knobs[inexact], task.console.neutral[inexact])


def test_with_a_dry_version_no_audible_knob_is_masked(task):
    assert not masked(task, make(task, dry=True)) - {"compressor_ratio"}


def test_the_ratio_is_masked_on_quiet_music(task):
    assert "compressor_ratio" in masked(task, make(task, finished=song(peak=0.01)))
    assert any("compressor_ratio" not in masked(task, make(task, seed)) for seed in range(4))


def test_an_inaudible_knob_is_neutral_and_the_others_render_the_finished_version(task):
    ratio = task.console.names.index("compressor_ratio")
    examples = [make(task, seed) for seed in range(12)]
    inaudible = [example for example in examples if not example.mask[ratio]]
    assert 0 < len(inaudible) < len(examples)
    for example in inaudible:
        assert example.knobs[ratio] == task.console.neutral[ratio]
        assert residual_db(render(task, example), example.finished) < -60


def test_the_width_is_masked_on_mono(task):
    mono = song()[:1].expand(2, -1)
    example = make(task, finished=mono)
    assert masked(task, example) >= {"stereo_width"}
    assert residual_db(render(task, example), example.finished) < -60


def test_examples_are_deterministic_for_an_rng(task):
    for field in ("rough", "finished", "reference", "knobs", "mask"):
        assert torch.equal(getattr(make(task, 3), field), getattr(make(task, 3), field))
    assert not torch.equal(make(task, 3).knobs, make(task, 4).knobs)


@pytest.mark.parametrize("dry", [False, True])
def test_all_conditions_give_the_same_rough_finished_and_knobs(task, dry):
    blind, reference, paired = (make(task, 1, dry, condition) for condition in CONDITIONS)
    for field in ("rough", "finished", "knobs", "mask"):
        assert torch.equal(getattr(blind, field), getattr(reference, field))
        assert torch.equal(getattr(blind, field), getattr(paired, field))
    assert [blind.condition, reference.condition, paired.condition] == [0, 1, 2]
    assert not blind.reference.any()
    assert torch.equal(paired.reference, paired.finished)
    assert not torch.equal(reference.reference, reference.finished)


def test_any_draws_all_conditions(task):
    assert {make(task, seed).condition for seed in range(12)} == {0, 1, 2}


def test_a_fixed_condition_is_used():
    task = Restore(load_console(), condition="paired")
    assert {make(task, seed).condition for seed in range(4)} == {2}


@pytest.mark.parametrize("condition", ["blind", "paired"])
def test_the_other_excerpt_is_read_under_reference_only(task, condition):
    def other():
        raise AssertionError("unnecessary read")

    make(task, condition=condition, other=other)


def test_the_reference_of_a_dry_song_is_rendered_with_the_same_knobs(task):
    example = make(task, 2, dry=True, condition="reference", other=lambda: song(2))
    assert residual_db(example.reference, example.finished) < -60  # same excerpt, same result


def test_nan_and_excessive_roughs_are_drawn_again(task, monkeypatch):
    invert_with_audibility, calls = task.console.invert_with_audibility, []

    def explode(audio, rate, knobs, query):
        calls.append(knobs)
        rough, audible = invert_with_audibility(audio, rate, knobs, query)
        return rough * (math.nan if len(calls) == 1 else 1e6), audible

    monkeypatch.setattr(task.console, "invert_with_audibility", explode)
    example = make(task)
    assert len(calls) > 1
    assert torch.equal(example.knobs, task.console.neutral)
    assert torch.equal(example.rough, example.finished)


@pytest.mark.slow
def test_positions_are_uniform(task):
    quiet = song(seconds=0.05, peak=0.1)
    knobs = torch.stack([make(task, seed, dry=True, finished=quiet).knobs for seed in range(200)])
    assert ((knobs >= 0) & (knobs <= 1)).all()
    audible = knobs.new_ones(len(task.console.names), dtype=torch.bool)
    audible[task.console.names.index("compressor_ratio")] = False  # below the threshold
    assert ((knobs.mean(0) - 0.5).abs() < 0.09)[audible].all()  # 4 σ
    assert ((knobs.std(0) - 12**-0.5).abs() < 0.05)[audible].all()


def test_silence_gives_a_silent_rough(task):
    example = make(task, finished=torch.zeros(2, 4_410))
    assert not example.rough.any()
    assert example.finished.isfinite().all()


def test_the_task_keeps_its_console_on_the_cpu():
    console = load_console()
    task = Restore(console)
    console.to("meta")
    assert task.console.neutral.device.type == "cpu"


def test_an_unknown_condition_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'pairs'.*blind, reference, paired, any"):
        Restore(load_console(), condition="pairs")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_real_rough_is_kept_and_all_knobs_are_masked(task, condition):
    """Both versions get the same gain."""
    finished, rough, other = song(1, peak=2.0), song(1, peak=0.7), song(2)
    example = task(
        finished,
        lambda: other,
        dry=False,
        sample_rate=RATE,
        rng=np.random.default_rng(0),
        condition=condition,
        rough=rough,
    )
    gain = float(example.finished.norm() / finished.norm())
    assert gain < 1
    torch.testing.assert_close(example.rough, rough * gain)
    references = {
        "blind": torch.zeros_like(other),
        "reference": other * gain,
        "paired": example.finished,
    }
    torch.testing.assert_close(example.reference, references[condition])
    assert not example.mask.any()
    assert torch.equal(example.knobs, task.console.neutral)


def inputs_of_all_kinds(task):
    """Inputs with and without dry version and real rough, on which knobs are (in)audible."""
    options = {"sample_rate": RATE}
    audios = [song(0), song(1, peak=0.01), song(2)[:1].expand(2, -1), song(3), song(4)]
    inputs = [
        task.collect(
            audio, lambda: song(9), dry=dry, rng=np.random.default_rng(seed), condition=c, **options
        )
        for seed, (audio, dry, c) in enumerate(itertools.product(audios, (False, True), CONDITIONS))
    ]
    real = task.collect(
        song(0), song, dry=False, rng=np.random.default_rng(0), rough=0.5 * song(0), **options
    )
    return [*inputs[::2], real, *inputs[1::2]]


def test_a_batch_gives_the_same_examples_as_each_input_alone(task):
    inputs = inputs_of_all_kinds(task)
    for one, got in zip(inputs, task.make(inputs), strict=True):
        (want,) = task.make([one])
        for name in ("rough", "finished", "reference"):
            if getattr(want, name).any():
                assert residual_db(getattr(got, name), getattr(want, name)) < -90
        assert torch.equal(got.mask, want.mask)
        assert torch.equal(got.unlabelled, want.unlabelled)
        torch.testing.assert_close(got.knobs, want.knobs)
        assert got.condition == want.condition


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_examples_made_on_a_gpu_equal_those_of_the_cpu(task):
    inputs = inputs_of_all_kinds(task)
    on_gpu = task.make([item.map_tensors(torch.Tensor.cuda) for item in inputs])
    for got, want in zip(on_gpu, task.make(inputs), strict=True):
        assert got.rough.is_cuda
        for name in ("rough", "finished", "reference"):
            if getattr(want, name).any():
                assert residual_db(getattr(got, name).cpu(), getattr(want, name)) < -90
        torch.testing.assert_close(got.knobs.cpu(), want.knobs)


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match=r"^device 'tpu' is unknown: use one of cpu, cuda$"):
        Restore(load_console(), device="tpu")


@pytest.fixture(scope="module")
def mastering():
    return Restore(load_console("mastering", ranges="wide"))


@pytest.mark.parametrize("dry", [False, True])
def test_the_mastering_console_renders_the_finished_version(mastering, dry):
    for seed in range(2):
        example = make(mastering, seed, dry)
        assert residual_db(render(mastering, example), example.finished) < -60
        assert residual_db(example.rough, example.finished) > -40


def test_what_has_no_inverse_is_masked_or_made_forward(mastering):
    """Without a dry version low cut, multiband, saturation and mono bass stay neutral."""
    inexact = ~mastering.console.invertible
    example, forward = make(mastering), make(mastering, dry=True)
    assert not example.mask[inexact].any()
    assert torch.equal(example.knobs[inexact], mastering.console.neutral[inexact])
    assert forward.mask[inexact].any()


def test_a_band_at_0_db_has_no_frequency_or_q(mastering):
    names = mastering.console.names
    small = 0
    for seed in range(12):
        example = make(mastering, seed)
        settings = mastering.console.settings(example.knobs[None])[0]
        for number in range(1, 5):
            audible = abs(settings[f"band{number}_gain"]) >= 0.5
            small += not audible
            assert example.mask[names.index(f"band{number}_gain")]
            for shape in (f"band{number}_frequency", f"band{number}_q"):
                assert bool(example.mask[names.index(shape)]) == audible
    assert small > 0
