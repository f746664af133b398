"""A batch remembers which songs were left out on its way, whatever is done to it."""

import pickle

import pytest
import torch

from ai_mixer.core.types import Batch, Example, SkippedSong

TORN, HOLED = SkippedSong("torn.flac", "is damaged"), SkippedSong("holed.wav", "contains NaN")


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
    return Batch.collate([example(TORN), example(), example(TORN, HOLED)])


def test_collating_keeps_all(batch):
    assert batch.skipped == [TORN, TORN, HOLED]
    assert Batch.collate([example()]).skipped == []


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.first(1),
        lambda batch: batch.select(torch.tensor([False, True, False])),
        lambda batch: batch.with_condition("paired"),
        lambda batch: batch.to(torch.float64),
        lambda batch: pickle.loads(pickle.dumps(batch)),
    ],
)
def test_no_change_forgets_it(batch, change):
    assert change(batch).skipped == batch.skipped


def test_joining_says_each_once(batch):
    other = Batch.collate([example(HOLED, SkippedSong("third.wav", "silent"))])
    joined = batch.first(1).concatenate(batch, other)
    assert joined.skipped == [TORN, HOLED, SkippedSong("third.wav", "silent")]
    assert len(joined) == 5


def test_it_reads_as_one_line():
    assert str(TORN) == "torn.flac: is damaged"


def test_a_knob_is_free_only_where_it_says_so(batch):
    assert batch.unlabelled.dtype == torch.bool
    assert batch.unlabelled.shape == batch.mask.shape
    assert not batch.unlabelled.any()
    lost = example()
    lost.unlabelled = torch.tensor([False, True, False])
    joined = Batch.collate([example(), lost]).where(torch.tensor([False, True]))
    assert joined.concatenate(batch).unlabelled.tolist() == [
        [False, True, False],
        *[[False] * 3] * 3,
    ]
    assert joined.with_condition("blind").to(torch.float64).unlabelled.tolist() == [
        [False, True, False]
    ]
