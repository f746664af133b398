"""Effects that nobody turned are left out, knobs that move in a song glide: the same mix."""

import torch

from ai_mixer.console import load_console
from helpers.signals import noise

RATE = 44_100


def played(console, knobs):
    return torch.cat(list(console.render([noise(2, seconds=0.5)], RATE, knobs)), -1)


def test_without_idle_effects_the_mix_is_the_same():
    console = load_console()
    effects = list(console.effects)
    knobs = console.knobs_from({"low_eq": 3.0, "stereo_width": 1.4, "compressor_ratio": 3.0})
    lighter, fewer = console.without_neutral(knobs)
    assert lighter.names == ["compressor_ratio", "low_eq", "stereo_width"]
    torch.testing.assert_close(played(lighter, fewer[0]), played(console, knobs[0]))
    torch.testing.assert_close(lighter.settings(fewer)[0]["low_eq"], 3.0)
    assert list(console.effects) == effects  # the whole one is as it was


def test_nothing_turned_is_the_song_itself():
    console = load_console()
    lighter, none = console.without_neutral(console.knobs_from({}))
    assert lighter.names == ["input_gain"]
    assert played(lighter, none[0]).equal(noise(2, seconds=0.5))


def test_knobs_that_stand_still_may_be_asked_for_again_and_again():
    console = load_console()
    knobs = console.knobs_from({"low_eq": 3.0})[0]
    asked = []

    def at(start):
        asked.append(start)
        return knobs

    torch.testing.assert_close(played(console, at), played(console, knobs), atol=1e-6, rtol=0)
    assert asked == list(range(0, noise(2, seconds=0.5).shape[1], 4096))
