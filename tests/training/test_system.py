"""The story of one batch, where it could go wrong without a sound."""

from dataclasses import replace
from types import SimpleNamespace

import torch

from ai_mixer.console import load_console
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.training.system import MixSystem, _clip_gradient_norm, _expand_conditions


def batch(conditions):
    size = len(conditions)
    noise = torch.randn(3, size, 2, 100, generator=torch.Generator().manual_seed(0))
    condition = torch.tensor([CONDITIONS.index(name) for name in conditions])
    return Batch(
        rough=noise[0],
        finished=noise[1],
        reference=noise[2],
        condition=condition,
        knobs=torch.rand(size, 4),
        mask=torch.ones(size, 4, dtype=torch.bool),
        genre=torch.zeros(size, dtype=torch.long),
        sample_rate=44100,
        song_id=[f"song {n}" for n in range(size)],
    )


def test_every_condition_adds_what_was_not_drawn():
    drawn = batch(["blind", "reference", "paired"])
    heard = _expand_conditions(drawn)
    names = [(heard.song_id[n], CONDITIONS[heard.condition[n]]) for n in range(len(heard))]
    unlabelled = {(song, name) for song in drawn.song_id for name in ("blind", "paired")}
    assert set(names) == unlabelled | {("song 1", "reference")}
    assert len(names) == len(set(names))
    assert names[:3] == [("song 0", "blind"), ("song 1", "reference"), ("song 2", "paired")]


def test_what_is_heard_fits_the_condition():
    drawn = batch(["reference", "reference"])
    heard = _expand_conditions(drawn)
    blind = heard.select(heard.condition == CONDITIONS.index("blind"))
    paired = heard.select(heard.condition == CONDITIONS.index("paired"))
    assert not blind.reference.any()
    torch.testing.assert_close(paired.reference, drawn.finished)
    torch.testing.assert_close(blind.rough, drawn.rough)
    torch.testing.assert_close(paired.knobs, drawn.knobs)


def test_a_loud_gradient_is_limited_and_a_quiet_one_left_alone():
    knobs = torch.rand(2, 4, requires_grad=True)
    pull = torch.tensor([[30.0, 40.0, 0.0, 0.0], [0.003, 0.004, 0.0, 0.0]])
    (_clip_gradient_norm(knobs, 0.05) * pull).sum().backward()
    expected = torch.stack([pull[0] / 1000.0, pull[1]])
    torch.testing.assert_close(knobs.grad, expected, atol=1e-7, rtol=1e-4)


def test_the_limit_touches_only_its_own_path():
    knobs = torch.rand(1, 2, requires_grad=True)
    limited = _clip_gradient_norm(knobs, 0.05)
    (limited.sum() + 7.0 * knobs.sum()).backward()
    assert (knobs.grad > 7.0).all()
    assert (knobs.grad < 7.05).all()


def test_knobs_themselves_are_unchanged():
    knobs = torch.rand(3, 4)
    torch.testing.assert_close(_clip_gradient_norm(knobs, 0.05), knobs)


def test_where_no_knob_is_known_all_are_played_and_learn_by_the_sound():
    console = load_console()
    heard = batch(["blind", "blind"])
    count = len(console.knobs)
    mask = torch.zeros(2, count, dtype=torch.bool)
    mask[1, 2] = True  # of the second item only the low shelf is known
    unlabelled = torch.tensor([[True], [False]]).expand(2, count)
    heard = replace(heard, knobs=console.neutral.expand(2, -1), mask=mask, unlabelled=unlabelled)
    heard = replace(
        heard, rough=0.1 * torch.randn(2, 2, 4410), finished=0.1 * torch.randn(2, 2, 4410)
    )
    knobs = torch.full((2, count), 0.7, requires_grad=True)
    system = SimpleNamespace(console=console)
    mix = MixSystem.render(system, heard, knobs)
    mix.square().mean().backward()
    moved = knobs.grad.abs() > 0
    assert moved[0].sum() > count / 2
    assert moved[1].nonzero().flatten().tolist() == [2]


def test_if_no_knob_ever_counted_the_floor_is_neutral_and_all_are_trained():
    console = load_console()
    count = torch.zeros(len(console.knobs), dtype=torch.float64)
    system = SimpleNamespace(console=console, knob_sum=count, knob_count=count)
    assert MixSystem.trained_knobs.fget(system).all()
    torch.testing.assert_close(MixSystem.mean_knobs.fget(system), console.neutral)
    system.knob_count = count.clone()
    system.knob_count[3] = 1
    assert MixSystem.trained_knobs.fget(system).nonzero().flatten().tolist() == [3]


def test_a_masked_knob_is_rendered_at_neutral_unless_it_is_free():
    console = load_console()
    size = len(console.knobs)
    audio = 0.1 * torch.randn(2, 2, 4410, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(2, size, dtype=torch.bool)
    unlabelled = torch.zeros_like(mask)
    unlabelled[1] = True
    condition = torch.zeros(2, dtype=torch.long)
    knobs = torch.full((2, size), 0.8)
    heard = Batch(
        audio,
        audio,
        audio,
        condition,
        knobs,
        mask,
        condition,
        44100,
        ["a", "b"],
        unlabelled=unlabelled,
    )
    system = MixSystem(torch.nn.Identity(), console, None, None, None)
    mix = system.render(heard, knobs)
    torch.testing.assert_close(mix[:1], console(audio[:1], 44100, console.neutral[None]))
    torch.testing.assert_close(mix[1:], console(audio[1:], 44100, knobs[1:]))
