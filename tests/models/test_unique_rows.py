"""What a batch holds several times is listened to once, and nothing else changes."""

import torch

from ai_mixer.models.feature_extractor import BLIND, PAIRED, FeatureExtractor
from ai_mixer.models.unique_rows import UniqueRows, scatter_rows
from helpers.signals import noise


def test_distinct_rows_and_the_way_back():
    audio = noise(3, 2, seconds=1)[[2, 0, 2, 1, 0]]
    once = UniqueRows(audio)
    assert len(once.rows) == 3
    assert once.to_all_rows(once.rows).equal(audio)


def test_excerpts_that_only_look_alike_stay_apart():
    """Silence wherever one looks first."""
    audio = torch.zeros(2, 2, 1000)
    audio[0, 1, 7] = audio[1, 1, 8] = 1.0
    once = UniqueRows(audio)
    assert len(once.rows) == 2
    assert once.to_all_rows(once.rows).equal(audio)


def test_silence_is_one_excerpt():
    assert len(UniqueRows(torch.zeros(4, 2, 100)).rows) == 1


def test_a_batch_under_every_condition_equals_its_parts():
    front_end, rough, finished = (
        FeatureExtractor(44_100),
        noise(2, 2, seconds=1),
        noise(4, 2, seconds=1)[2:],
    )
    heard = torch.cat([rough, rough]), torch.cat([finished, torch.zeros_like(finished)])
    condition = torch.tensor([PAIRED, PAIRED, BLIND, BLIND])
    together = front_end(*heard, condition)
    parts = zip(heard[0].split(1), heard[1].split(1), condition.split(1), strict=True)
    for n, part in enumerate(parts):
        for alone, of_all in zip(front_end(*part), together, strict=True):
            torch.testing.assert_close(alone[0], of_all[n], atol=1e-4, rtol=1e-5)


def test_scatter():
    chosen = torch.tensor([False, True, False, True])
    assert scatter_rows(chosen, torch.tensor([[1.0], [2.0]])).flatten().tolist() == [0, 1, 0, 2]
