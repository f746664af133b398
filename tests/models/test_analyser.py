"""The analyser compares: what is the same in both versions is not what it reads."""

import pytest
import torch

from ai_mixer.core.types import CONDITIONS
from ai_mixer.models.analyser import Analyser
from ai_mixer.models.system_identification import QUANTILES
from helpers.signals import noise

RATE, KNOBS = 44100, 10
BLIND, REFERENCE, PAIRED = (CONDITIONS.index(name) for name in ("blind", "reference", "paired"))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Analyser(KNOBS, RATE).eval()


@pytest.mark.parametrize("condition", range(len(CONDITIONS)), ids=CONDITIONS)
def test_the_song_alone_is_read_when_blind_and_never_else(model, condition):
    conditions = torch.full((1,), condition)
    _, statistics = model.front_end(
        noise(1, 2, RATE, seed=0), noise(1, 2, RATE, seed=1), conditions
    )
    changed = {
        name: part.clone() for name, part in model.front_end.named_statistics(statistics).items()
    }
    per_layer = changed["long_term"].shape[1] // 3
    changed["pictures"] += 1.0
    changed["long_term"][:, : 2 * per_layer] += 1.0  # both versions; their difference is the same
    changed["levels"][:, QUANTILES : 2 * QUANTILES] += 1.0  # of the reference
    other = torch.cat(list(changed.values()), dim=1)
    before, after = (
        model.selected_statistics(numbers, conditions) for numbers in (statistics, other)
    )
    assert before.equal(after) == (condition != BLIND)


def test_one_gain_is_one_number_over_all_bands(model):
    """A gain of 6 dB from rough to reference: every band reads 6 dB, of mid and of side."""
    rough, condition = noise(2, 2, RATE, seed=0), torch.tensor([REFERENCE, PAIRED])
    _, statistics = model.front_end(rough, 2.0 * rough, condition)
    bands = 2 * model.front_end.n_mels // model.mels_a_band
    read = model.selected_statistics(statistics, condition)[:, :bands]
    torch.testing.assert_close(read, torch.full_like(read, 2.0 * 6.0206 / 6.0), atol=1e-3, rtol=0)


def test_the_parts_are_the_statistics_by_name(model):
    front_end, condition = model.front_end, torch.tensor([PAIRED])
    rough, finished = noise(1, 2, RATE, seed=0), noise(1, 2, RATE, seed=1)
    _, statistics = front_end(rough, finished, condition)
    named_statistics = front_end.named_statistics(statistics)
    assert torch.cat(list(named_statistics.values()), 1).equal(statistics)
    louder = front_end.named_statistics(front_end(rough, 2.0 * finished, condition)[1])
    moved = {
        name
        for name in named_statistics
        if not torch.allclose(named_statistics[name], louder[name], atol=1e-3)
    }
    assert moved == {"pictures", "long_term", "levels", "measured"}  # no echo and no compressor


def test_bands_that_do_not_come_out_even_are_refused():
    with pytest.raises(ValueError, match="mels_a_band=5 must divide n_mels=96"):
        Analyser(KNOBS, RATE, mels_a_band=5)
