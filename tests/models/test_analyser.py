"""Analyser: inputs that are equal in both versions are not used."""

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
def test_levels_common_to_both_versions_are_used_only_when_blind(model, condition):
    conditions = torch.full((1,), condition)
    _, statistics = model.front_end(
        noise(1, 2, RATE, seed=0), noise(1, 2, RATE, seed=1), conditions
    )
    changed = {
        name: part.clone() for name, part in model.front_end.named_statistics(statistics).items()
    }
    per_layer = changed["long_term"].shape[1] // 3
    changed["log_mel"] += 1.0
    changed["long_term"][:, : 2 * per_layer] += 1.0  # both versions; their difference is the same
    changed["levels"][:, QUANTILES : 2 * QUANTILES] += 1.0  # of the reference
    other = torch.cat(list(changed.values()), dim=1)
    before, after = (
        model.selected_statistics(numbers, conditions) for numbers in (statistics, other)
    )
    assert before.equal(after) == (condition != BLIND)


def test_a_gain_is_the_same_value_in_all_bands(model):
    """A gain of 6 dB from rough to reference is 6 dB in every band of mid and side."""
    rough, condition = noise(2, 2, RATE, seed=0), torch.tensor([REFERENCE, PAIRED])
    _, statistics = model.front_end(rough, 2.0 * rough, condition)
    bands = 2 * model.front_end.n_mels // model.mels_a_band
    read = model.selected_statistics(statistics, condition)[:, :bands]
    torch.testing.assert_close(read, torch.full_like(read, 2.0 * 6.0206 / 6.0), atol=1e-3, rtol=0)


def test_named_statistics_are_the_parts_of_the_vector(model):
    front_end, condition = model.front_end, torch.tensor([PAIRED])
    rough, finished = noise(1, 2, RATE, seed=0), noise(1, 2, RATE, seed=1)
    _, statistics = front_end(rough, finished, condition)
    named = front_end.named_statistics(statistics)
    assert torch.cat(list(named.values()), 1).equal(statistics)
    louder = front_end.named_statistics(front_end(rough, 2.0 * finished, condition)[1])
    changed = {name for name in named if not torch.allclose(named[name], louder[name], atol=1e-3)}
    assert changed == {"log_mel", "long_term", "levels", "system_response"}


def test_band_size_must_divide_the_number_of_mels():
    with pytest.raises(ValueError, match=r"mels_a_band=5.*n_mels=96"):
        Analyser(KNOBS, RATE, mels_a_band=5)
