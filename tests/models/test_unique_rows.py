"""UniqueRows: the results of a batch with duplicates equal those of its items."""

import pytest
import torch

from ai_mixer.models import unique_rows
from ai_mixer.models.feature_extractor import BLIND, PAIRED, FeatureExtractor
from ai_mixer.models.unique_rows import UniqueRows
from helpers.signals import noise


def test_distinct_rows_expand_to_all_rows():
    audio = noise(3, 2, seconds=1)[[2, 0, 2, 1, 0]]
    unique = UniqueRows(audio)
    assert len(unique.rows) == 3
    assert unique.to_all_rows(unique.rows).equal(audio)


def test_excerpts_with_equal_probe_samples_are_distinct():
    audio = torch.zeros(2, 2, 1000)
    audio[0, 1, 7] = audio[1, 1, 8] = 1.0
    unique = UniqueRows(audio)
    assert len(unique.rows) == 2
    assert unique.to_all_rows(unique.rows).equal(audio)


def test_silent_excerpts_are_one_row():
    assert len(UniqueRows(torch.zeros(4, 2, 100)).rows) == 1


def test_features_of_a_batch_with_duplicates_equal_those_of_its_items():
    extractor, audio = FeatureExtractor(44_100), noise(4, 2, seconds=1)
    rough = torch.cat([audio[:2], audio[:2]])
    reference = torch.cat([audio[2:], torch.zeros_like(audio[2:])])
    condition = torch.tensor([PAIRED, PAIRED, BLIND, BLIND])
    together = extractor(rough, reference, condition)
    for item in range(4):
        one = slice(item, item + 1)
        alone = extractor(rough[one], reference[one], condition[one])
        for expected, actual in zip(alone, together, strict=True):
            torch.testing.assert_close(expected[0], actual[item], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("values_are_known", [True, False], ids=["selected items", "all items"])
def test_only_selected_items_have_results(monkeypatch, values_are_known):
    monkeypatch.setattr(unique_rows, "can_branch", lambda _: values_are_known)
    selected = torch.tensor([False, True, False, True])
    sizes = []

    def reciprocal(x):
        sizes.append(len(x))
        return (1 / x,)

    (got,) = unique_rows.apply_to_selected(
        reciprocal, selected, torch.tensor([[0.0], [1.0], [0.0], [0.5]])
    )
    assert got.flatten().tolist() == [0, 1, 0, 2]  # not NaN, where it is not defined
    assert sizes == [2 if values_are_known else 4]


def test_where_values_are_unknown_no_rows_are_compared(monkeypatch):
    monkeypatch.setattr(unique_rows, "can_branch", lambda _: False)
    audio = torch.zeros(3, 2, 1000)
    assert UniqueRows(audio).rows is audio
