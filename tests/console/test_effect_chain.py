"""Tests of `EffectChain.without_neutral` and of knobs that change while rendering."""

import torch

from ai_mixer.console import load_console
from helpers.signals import noise

RATE = 44_100


def render(console, knobs):
    return torch.cat(list(console.render([noise(2, seconds=0.5)], RATE, knobs)), -1)


def test_without_neutral_effects_the_mix_is_the_same():
    console = load_console()
    effects = list(console.effects)
    knobs = console.knobs_from({"low_eq": 3.0, "stereo_width": 1.4, "compressor_ratio": 3.0})
    reduced, reduced_knobs = console.without_neutral(knobs)
    assert reduced.names == ["compressor_ratio", "low_eq", "stereo_width"]
    torch.testing.assert_close(render(reduced, reduced_knobs[0]), render(console, knobs[0]))
    torch.testing.assert_close(reduced.settings(reduced_knobs)[0]["low_eq"], 3.0)
    assert list(console.effects) == effects  # the original console is unchanged


def test_all_neutral_leaves_one_effect_and_the_identity():
    console = load_console()
    reduced, knobs = console.without_neutral(console.knobs_from({}))
    assert reduced.names == ["input_gain"]
    assert render(reduced, knobs[0]).equal(noise(2, seconds=0.5))


def test_a_function_of_constant_knobs_equals_constant_knobs():
    console = load_console()
    knobs = console.knobs_from({"low_eq": 3.0})[0]
    starts = []

    def knobs_at(start):
        starts.append(start)
        return knobs

    torch.testing.assert_close(render(console, knobs_at), render(console, knobs), atol=1e-6, rtol=0)
    assert starts == list(range(0, noise(2, seconds=0.5).shape[1], 4096))
