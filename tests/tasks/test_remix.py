"""Tests of the task `remix`: the law studio(tracks, knobs) = finished, masks, conditions."""

import numpy as np
import pytest
import torch

from ai_mixer.console import load_console
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.tasks.mono_tracks import measure_pan
from ai_mixer.tasks.remix import Remix
from helpers.measures import residual_db
from helpers.stems import RATE, stems

ROLES = torch.tensor([0, 1, 4, 3, -1])


@pytest.fixture(scope="module")
def task():
    return Remix(load_console("studio"))


def make(task, seed=0, condition="blind", audio=None, roles=ROLES):
    audio = stems(seed) if audio is None else audio
    rng = np.random.default_rng(seed)
    return task(audio, roles, lambda: stems(seed + 50), sample_rate=RATE, rng=rng,
                condition=condition)  # fmt: skip


def render(task, example):
    knobs = task.console.layout.from_flat(example.knobs[None])
    return task.console(example.tracks[None], RATE, knobs, limit=False)[0]


def strip_column(task, name):
    return [knob.name for knob in task.console.layout.strip].index(name)


def strips(task, example, what="knobs"):
    count = len(task.console.layout.strip)
    return getattr(example, what)[: len(example.tracks) * count].reshape(-1, count)


@pytest.mark.parametrize("seed", range(6))
def test_the_console_renders_the_finished_mix_from_tracks_and_knobs(task, seed):
    example = make(task, seed)
    assert residual_db(render(task, example), example.finished) < -80
    assert residual_db(example.rough, example.finished) > -30


def test_drawn_compressors_and_sends_are_part_of_the_law(task):
    examples = [make(task, seed) for seed in range(6)]
    ratio, send = strip_column(task, "compressor_ratio"), strip_column(task, "reverb_send")
    used = torch.cat([strips(task, e) for e in examples])
    known = torch.cat([strips(task, e, "mask") for e in examples])
    assert 0.1 < (used[:, ratio] > 0).float().mean() < 0.6
    assert (used[:, send] > 0).any()
    assert (used[:, send] == 0).any()
    assert known[:, ratio].float().mean() > 0.5
    assert known[:, send].all()


def test_the_tracks_of_a_song_have_one_loudness_and_the_fader_restores_the_balance(task):
    example = make(task, 1)
    reached = strips(task, example, "mask")[:, strip_column(task, "fader_db")]
    loudness = loudness_lufs(example.tracks, RATE)[reached]
    assert len(loudness) >= 4
    assert loudness.max() - loudness.min() < 0.01
    column = strip_column(task, "fader_db")
    fader_db = task.console.layout.strip[column].to_physical(strips(task, example)[:, column])
    balance = loudness_lufs(stems(1), RATE)
    assert torch.corrcoef(torch.stack([fader_db, balance]))[0, 1] > 0.5


def test_a_panned_mono_stem_becomes_a_mono_track_with_the_pan_it_had(task):
    example = make(task, 2)
    column = strip_column(task, "pan")
    pan = task.console.layout.strip[column].to_physical(strips(task, example)[:, column])
    assert pan[:4].tolist() == pytest.approx([0.0, -0.6, 0.35, -1.0], abs=1e-3)
    assert strips(task, example, "mask")[:, column].all()
    left, right = example.tracks[:4].unbind(1)
    assert (left - right).abs().max() < 1e-4 * left.abs().max()


def test_measured_pan_survives_rounding_to_16_bit():
    rounded = (stems() * 32767).round() / 32767
    pan, is_mono = measure_pan(rounded)
    assert is_mono.tolist() == [True, True, True, True, False]
    assert pan[:4].tolist() == pytest.approx([0.0, -0.6, 0.35, -1.0], abs=1e-3)


def test_silent_stems_are_no_tracks(task):
    audio = stems()
    audio[2] = 0.0
    example = make(task, audio=audio)
    assert example.roles.tolist() == [0, 1, 3, -1]
    assert len(example.tracks) == 4
    assert residual_db(render(task, example), example.finished) < -80
    with pytest.raises(ValueError, match="all stems are silent"):
        make(task, audio=torch.zeros_like(audio))


def test_conditions_share_tracks_and_knobs_and_differ_in_the_reference(task):
    blind, reference, paired = (make(task, 3, c) for c in ("blind", "reference", "paired"))
    for other in (reference, paired):
        assert other.tracks.equal(blind.tracks)
        assert other.knobs.equal(blind.knobs)
    assert not blind.reference.any()
    assert paired.reference.equal(paired.finished)
    assert reference.reference.any()
    assert residual_db(reference.reference, blind.finished) > -10


def test_the_reference_is_the_same_production(task):
    """With the stems of the excerpt itself as the other excerpt, it is the finished mix."""
    rng = np.random.default_rng(4)
    audio = stems(4)
    example = task(audio, ROLES, lambda: audio, sample_rate=RATE, rng=rng, condition="reference")
    assert residual_db(example.reference, example.finished) < -60


def test_master_trim_and_low_cut_are_neutral_and_masked(task):
    example = make(task, 5)
    neutral = task.console.neutral(len(example.tracks))
    count = neutral.master.shape[1]
    assert example.knobs[-count:].allclose(neutral.master[0])
    assert not example.mask[-count:].any()
    for name in ("trim_db", "low_cut_hz", "compressor_makeup_db"):
        column = strip_column(task, name)
        assert strips(task, example)[:, column].allclose(neutral.strips[0, :, column])
        assert not strips(task, example, "mask")[:, column].any()


def test_a_batch_pads_songs_to_the_most_tracks(task):
    examples = [make(task, 0), make(task, 1, audio=stems(1)[:2], roles=ROLES[:2])]
    batch = TrackBatch.collate(examples)
    assert batch.tracks.shape[:2] == (2, 5)
    assert batch.track_mask.sum(1).tolist() == [5, 2]
    assert batch.roles[1].tolist() == [0, 1, -1, -1, -1]
    knobs = task.console.layout.from_flat(batch.knobs)
    mix = task.console(batch.tracks, RATE, knobs, batch.track_mask, limit=False)
    for row, example in enumerate(examples):
        assert residual_db(mix[row], example.finished) < -80
    assert not task.console.layout.from_flat(batch.mask.float()).strips[1, 2:].any()


def test_the_same_seed_gives_the_same_example(task):
    assert make(task, 7).tracks.equal(make(task, 7).tracks)
    assert not make(task, 7).knobs.equal(make(task, 8).knobs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"condition": "deaf"}, "condition 'deaf' is unknown"),
        ({"effect_probability": 1.5}, "task.effect_probability must be 0 to 1, got 1.5"),
        ({"effects": ["chorus"]}, "no effect or send 'chorus', there is trim, low_cut"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Remix(load_console("studio"), **options)


def test_a_console_of_one_file_is_refused():
    with pytest.raises(ValueError, match="use console=studio"):
        Remix(load_console())


def test_without_effects_only_level_and_pan_are_unknown():
    task = Remix(load_console("studio"), effects=[])
    example = make(task, 1)
    assert residual_db(render(task, example), example.finished) < -80
    fader = strip_column(task, "fader_db")
    fader_db = task.console.layout.strip[fader].to_physical(strips(task, example)[:, fader])
    balance = loudness_lufs(stems(1), RATE)
    assert (fader_db - fader_db.mean()).allclose(balance - balance.mean(), atol=0.3)
    neutral = task.console.neutral(5).strips[0]
    moved = (strips(task, example) - neutral).abs().amax(0) > 1e-6
    names = [knob.name for knob, on in zip(task.console.layout.strip, moved, strict=True) if on]
    assert names == ["pan", "fader_db"]
