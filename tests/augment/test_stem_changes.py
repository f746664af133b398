"""Augmentations of stems: what they change, and by how much."""

import numpy as np
import pytest
import torch

from ai_mixer.augment.another_take import AnotherTake
from ai_mixer.augment.double_track import MAX_DENOMINATOR, Double, DoubleTrack
from ai_mixer.augment.speed import frequency_ratio
from ai_mixer.augment.stem_gain import StemGain
from ai_mixer.augment.stem_polarity import StemPolarity
from ai_mixer.augment.stem_room import ROOMS, RoomParameters, StemRoom
from ai_mixer.augment.track_augment import ComposeTracks
from ai_mixer.console import load_console
from ai_mixer.core.stem_excerpt import StemExcerpt, TakeDraw
from ai_mixer.core.track import MAX_TRACKS
from ai_mixer.core.track import ROLES as NAMES
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.metrics.track_skill import FADER, knob_columns
from ai_mixer.tasks.remix import Remix
from helpers.signals import sine
from helpers.stems import RATE, stem, stems

ROLES = torch.tensor([0, 2, 4, 3, -1])


def excerpt(audio=None, read=lambda number, draw: None):
    return StemExcerpt(stems() if audio is None else audio, ROLES, RATE, 16, read)


def only(number, params):
    """Parameters that change one stem."""
    return [params if n == number else None for n in range(MAX_TRACKS)]


def test_a_take_has_the_loudness_of_the_stem_it_replaces_and_one_gain_in_both_excerpts():
    take = stem(77, level_db=-40.0)
    given = excerpt(read=lambda number, draw: take if number == 1 else None)
    step = AnotherTake(probability=1.0)
    params = step.measure(given, [TakeDraw(False, 1)] * MAX_TRACKS)
    assert [n for n, own in enumerate(params) if own] == [1]
    new = step.prepare(given, params)
    before, after = (loudness_lufs(x.stems, RATE) for x in (given, new))
    torch.testing.assert_close(after, before, atol=0.01, rtol=0)
    other = step.prepare(excerpt(stems(1), lambda number, draw: take.flip(-1)), params)
    torch.testing.assert_close(other.stems[1], new.stems[1].flip(-1))


def test_silent_stems_and_silent_takes_are_not_exchanged():
    audio = stems()
    audio[0] = 0.0
    given = excerpt(audio, lambda number, draw: stem(7) if number == 0 else torch.zeros(2, RATE))
    step = AnotherTake(probability=1.0)
    params = step.measure(given, step.draw(np.random.default_rng(0)))
    assert params == [None] * MAX_TRACKS


def test_the_level_label_moves_with_the_gain_of_a_stem():
    task = Remix(load_console("studio"), "blind", effects=[])
    step = StemGain(probability=1.0)
    compose = ComposeTracks([step])
    faders_db = []
    for gain_db in (0.0, 2.5):
        new = compose.prepare(excerpt(), [only(1, gain_db)])
        rng = np.random.default_rng(0)
        example = task(new.stems, new.roles, lambda: None, sample_rate=RATE, rng=rng)
        column = knob_columns(task.console.layout, 5)[FADER]
        knob = next(knob for knob in task.console.layout.strip if knob.name == FADER)
        fader_db = knob.to_physical(example.knobs[column])
        faders_db.append(fader_db - fader_db[0])
    moved = faders_db[1] - faders_db[0]
    assert moved.tolist() == pytest.approx([0, 2.5, 0, 0, 0], abs=0.02)


def test_drawn_gains_are_within_the_range():
    gains_db = StemGain(4.0, probability=1.0).draw(np.random.default_rng(0))
    assert 3.5 < max(map(abs, gains_db)) <= 4.0


def test_polarity_twice_is_the_identity():
    step, given = StemPolarity(probability=0.5), excerpt()
    drawn = step.draw(np.random.default_rng(0))
    once = step.prepare(given, drawn)
    assert not once.stems.equal(given.stems)
    assert step.prepare(once, drawn).stems.equal(given.stems)


@pytest.mark.parametrize(
    ("step", "neutral"),
    [(StemGain(), 0.0), (StemPolarity(), False), (StemRoom(), RoomParameters(0, 0.0))],
)
def test_neutral_parameters_are_the_identity(step, neutral):
    assert step.prepare(excerpt(), only(2, neutral)).stems.equal(stems())


def test_the_room_decays_after_the_stem_and_only_there():
    audio = stems()
    audio[..., RATE // 2 :] = 0.0
    drawn = StemRoom(probability=1.0).draw_parameters(np.random.default_rng(0))
    assert 0.05 <= drawn.wet <= 0.3
    new = StemRoom().prepare(excerpt(audio), only(3, RoomParameters(1, 0.3))).stems
    assert new[[0, 1, 2, 4]].equal(audio[[0, 1, 2, 4]])
    tail = new[3, 0, RATE // 2 :].square()
    decay = round(ROOMS[1].room.decay_s * RATE)
    assert tail[: decay // 4].mean() > 100 * tail[decay:].mean() > 0
    assert not new[3, 1].any()  # hard left stays hard left


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_double_is_late_detuned_softer_and_may_be_mirrored(mirrored):
    tone = sine(440.0, level=0.5).float() * torch.tensor([[1.0], [0.3]])
    ratio = frequency_ratio(12.0, MAX_DENOMINATOR)
    double = DoubleTrack().process(tone, RATE, Double(20.0, ratio, -6.0, mirrored))
    double = double.flip(0) if mirrored else double
    assert not double[:, : round(0.019 * RATE)].any()
    steady = double[:, RATE // 4 : 3 * RATE // 4]
    assert 20 * (steady.std() / tone[:, RATE // 4 : 3 * RATE // 4].std()).log10() == pytest.approx(
        -6.0, abs=0.2
    )
    torch.testing.assert_close(double[1], 0.3 * double[0], atol=1e-5, rtol=0)
    windowed = steady[0].double().numpy() * np.hanning(steady.shape[-1])
    spectrum = np.abs(np.fft.rfft(windowed, 16 * RATE))
    cents = 1200 * np.log2(spectrum.argmax() / 16 / 440.0)
    assert cents == pytest.approx(12.0, abs=3.0)


def test_doubles_follow_the_roles_and_the_given_number():
    def doubled(**options):
        step = DoubleTrack(probability=1.0, **options)
        given = excerpt()
        params = step.measure(given, step.draw(np.random.default_rng(0)))
        return step.prepare(given, params).roles[5:].tolist()

    assert doubled() == [2, 4]
    assert doubled(added_tracks=1) == [2]
    assert doubled(roles=["lead"]) == [4]
    assert doubled(roles=None, added_tracks=9) == ROLES.tolist()
    assert doubled(roles=["bass"]) == []
    assert NAMES[2] == "vocals"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DoubleTrack(["choir"]), "no role 'choir' to double: use some of drums, bass"),
        (lambda: StemRoom((0.5, 1.2)), "wet must be in 0–1, got 0.5 to 1.2"),
        (lambda: AnotherTake(1.5), "same_track must be 0–1, got 1.5"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
