"""Tests of `Example` and `Batch`: skipped songs and unlabelled knobs in all operations."""

import pickle

import pytest
import torch

from ai_mixer.core.types import Batch, Example, SkippedSong

DAMAGED, NAN = SkippedSong("torn.flac", "is damaged"), SkippedSong("nan.wav", "contains NaN")


def example(*skipped):
    audio, knobs = torch.zeros(2, 4), torch.zeros(3)
    return Example(
        rough=audio,
        finished=audio,
        reference=audio,
        condition=0,
        knobs=knobs,
        mask=knobs > 0,
        genre=-1,
        sample_rate=8000,
        song_id="song",
        skipped=skipped,
    )


@pytest.fixture
def batch():
    return Batch.collate([example(DAMAGED), example(), example(DAMAGED, NAN)])


def test_collate_keeps_all_skipped_songs(batch):
    assert batch.skipped == [DAMAGED, DAMAGED, NAN]
    assert Batch.collate([example()]).skipped == []


@pytest.mark.parametrize(
    "operation",
    [
        lambda batch: batch.first(1),
        lambda batch: batch.select(torch.tensor([False, True, False])),
        lambda batch: batch.with_condition("paired"),
        lambda batch: batch.to(torch.float64),
        lambda batch: pickle.loads(pickle.dumps(batch)),
    ],
)
def test_operations_keep_the_skipped_songs(batch, operation):
    assert operation(batch).skipped == batch.skipped


def test_concatenate_removes_duplicate_skipped_songs(batch):
    other = Batch.collate([example(NAN, SkippedSong("third.wav", "silent"))])
    joined = batch.first(1).concatenate(batch, other)
    assert joined.skipped == [DAMAGED, NAN, SkippedSong("third.wav", "silent")]
    assert len(joined) == 5


def test_a_skipped_song_formats_as_file_and_reason():
    assert str(DAMAGED) == "torn.flac: is damaged"


def test_unlabelled_defaults_to_false_and_is_kept_by_operations(batch):
    assert batch.unlabelled.dtype == torch.bool
    assert batch.unlabelled.shape == batch.mask.shape
    assert not batch.unlabelled.any()
    other = example()
    other.unlabelled = torch.tensor([False, True, False])
    selected = Batch.collate([example(), other]).select(torch.tensor([False, True]))
    expected = [[False, True, False]]
    assert selected.concatenate(batch).unlabelled.tolist() == expected + [[False] * 3] * 3
    assert selected.with_condition("blind").to(torch.float64).unlabelled.tolist() == expected
