"""Reverb and echo of a reference and of a song: learned from examples, 0 where not certain."""

import pytest
import torch

from ai_mixer.faults.ambience_profile import ambience_profile
from ai_mixer.faults.fault_profile import RATE_HZ
from ai_mixer.models.ambience import KNOBS, Ambience, reference_inputs, song_inputs
from helpers.signals import noise

SIZE, N = 8, 300
ECHO_MS = 350.0


@pytest.fixture(scope="module", params=["reference", "song"])
def examples(request):
    """Value 0 of the profiles, or of their difference, shows the reverb; the last one the echo."""
    generator = torch.Generator().manual_seed(0)
    song, reference = torch.randn(2, N, SIZE, generator=generator)
    positions = torch.rand(N, 2, generator=generator) * (torch.arange(N)[:, None] % 2)
    reference[:, 0] = song[:, 0] + 4.0 * positions[:, 0]
    reference[:, -1] = 4.0 * positions[:, 1]
    part = getattr(Ambience(SIZE, N, N), request.param)
    if request.param == "reference":
        return part, reference_inputs(song, reference), positions
    return (
        part,
        song_inputs(torch.cat([(reference - song)[:, :-1], reference[:, -1:]], 1)),
        positions,
    )


def test_both_are_learned_and_small_ones_left(examples):
    part, inputs, positions = examples
    part.fit(inputs, positions)
    for n in range(len(KNOBS)):
        error = (part.estimate(inputs) - positions)[:, n].abs().mean()
        assert error < 0.4 * positions[:, n].mean()
    part.least.fill_(0.5)
    found = part(inputs)
    assert ((found == 0) | (found >= 0.5)).all()
    assert ((found == 0).sum(0) > N // 2).all()


def test_an_echo_is_a_peak_of_the_cepstrum_at_its_lag():
    audio = 0.1 * noise(1, 2, seconds=6.0)
    delayed = audio.roll(round(1e-3 * ECHO_MS * RATE_HZ), -1)
    dry, wet, elsewhere = (
        ambience_profile(x, ms)[0, -2]
        for x, ms in (
            (audio, ECHO_MS),
            (audio + 0.3 * delayed, ECHO_MS),
            (audio + 0.3 * delayed, 470.0),
        )
    )
    assert wet > 3.0
    assert max(dry.abs(), elsewhere.abs()) < 2.5
