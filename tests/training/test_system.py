"""Steps of the system whose faults would raise no error: conditions, masks, gradient clipping."""

from dataclasses import replace
from types import SimpleNamespace

import torch

from ai_mixer.console import load_console
from ai_mixer.core.types import CONDITIONS, Batch
from ai_mixer.training.system import MixSystem, _clip_gradient_norm, expand_conditions


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


def test_expanded_batch_has_every_item_blind_and_paired_once():
    drawn = batch(["blind", "reference", "paired"])
    expanded = expand_conditions(drawn)
    names = [(expanded.song_id[n], CONDITIONS[expanded.condition[n]]) for n in range(len(expanded))]
    unlabelled = {(song, name) for song in drawn.song_id for name in ("blind", "paired")}
    assert set(names) == unlabelled | {("song 1", "reference")}
    assert len(names) == len(set(names))
    assert names[:3] == [("song 0", "blind"), ("song 1", "reference"), ("song 2", "paired")]


def test_expanded_items_have_the_audio_of_their_condition():
    drawn = batch(["reference", "reference"])
    expanded = expand_conditions(drawn)
    blind = expanded.select(expanded.condition == CONDITIONS.index("blind"))
    paired = expanded.select(expanded.condition == CONDITIONS.index("paired"))
    assert not blind.reference.any()
    torch.testing.assert_close(paired.reference, drawn.finished)
    torch.testing.assert_close(blind.rough, drawn.rough)
    torch.testing.assert_close(paired.knobs, drawn.knobs)


def test_gradient_above_the_limit_is_clipped_and_below_unchanged():
    knobs = torch.rand(2, 4, requires_grad=True)
    gradient = torch.tensor([[30.0, 40.0, 0.0, 0.0], [0.003, 0.004, 0.0, 0.0]])
    (_clip_gradient_norm(knobs, 0.05) * gradient).sum().backward()
    expected = torch.stack([gradient[0] / 1000.0, gradient[1]])
    torch.testing.assert_close(knobs.grad, expected, atol=1e-7, rtol=1e-4)


def test_clipping_affects_only_the_audio_losses():
    knobs = torch.rand(1, 2, requires_grad=True)
    clipped = _clip_gradient_norm(knobs, 0.05)
    (clipped.sum() + 7.0 * knobs.sum()).backward()
    assert (knobs.grad > 7.0).all()
    assert (knobs.grad < 7.05).all()


def test_clipping_does_not_change_the_knobs():
    knobs = torch.rand(3, 4)
    torch.testing.assert_close(_clip_gradient_norm(knobs, 0.05), knobs)


def test_unlabelled_items_are_rendered_with_all_knobs_and_get_gradients():
    console = load_console()
    expanded = batch(["blind", "blind"])
    count = len(console.knobs)
    mask = torch.zeros(2, count, dtype=torch.bool)
    mask[1, 2] = True  # the second item has only the low shelf unmasked
    unlabelled = torch.tensor([[True], [False]]).expand(2, count)
    expanded = replace(
        expanded, knobs=console.neutral.expand(2, -1), mask=mask, unlabelled=unlabelled
    )
    expanded = replace(
        expanded, rough=0.1 * torch.randn(2, 2, 4410), finished=0.1 * torch.randn(2, 2, 4410)
    )
    knobs = torch.full((2, count), 0.7, requires_grad=True)
    system = SimpleNamespace(console=console)
    mix = MixSystem.render(system, expanded, knobs)
    mix.square().mean().backward()
    has_gradient = knobs.grad.abs() > 0
    assert has_gradient[0].sum() > count / 2
    assert has_gradient[1].nonzero().flatten().tolist() == [2]


def test_without_labels_mean_knobs_are_neutral_and_all_knobs_are_trained():
    console = load_console()
    count = torch.zeros(len(console.knobs), dtype=torch.float64)
    system = SimpleNamespace(
        console=console, initial_mean_knobs=console.neutral, knob_sum=count, knob_count=count
    )
    assert MixSystem.trained_knobs.fget(system).all()
    torch.testing.assert_close(MixSystem.mean_knobs.fget(system), console.neutral)
    system.knob_count = count.clone()
    system.knob_count[3] = 1
    assert MixSystem.trained_knobs.fget(system).nonzero().flatten().tolist() == [3]


def test_masked_knobs_are_rendered_at_neutral_unless_unlabelled():
    console = load_console()
    size = len(console.knobs)
    audio = 0.1 * torch.randn(2, 2, 4410, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(2, size, dtype=torch.bool)
    unlabelled = torch.zeros_like(mask)
    unlabelled[1] = True
    condition = torch.zeros(2, dtype=torch.long)
    knobs = torch.full((2, size), 0.8)
    expanded = Batch(
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
    mix = system.render(expanded, knobs)
    torch.testing.assert_close(mix[:1], console(audio[:1], 44100, console.neutral[None]))
    torch.testing.assert_close(mix[1:], console(audio[1:], 44100, knobs[1:]))


def test_mean_knobs_before_the_first_step_are_those_of_the_initial_model():
    console = load_console("classic")
    count = torch.zeros(len(console.knobs), dtype=torch.float64)
    known = {"neutral_means": console.neutral, "initial_mean_knobs": torch.full((len(count),), 0.3)}
    before = SimpleNamespace(knob_sum=count, knob_count=count, **known)
    torch.testing.assert_close(MixSystem.mean_knobs.fget(before), known["initial_mean_knobs"])
    after = SimpleNamespace(knob_sum=count + 1.0, knob_count=count + 2.0, **known)
    torch.testing.assert_close(MixSystem.mean_knobs.fget(after), torch.full((len(count),), 0.5))
