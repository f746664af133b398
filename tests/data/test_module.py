"""Loaders: workers, order and resume change nothing."""

import pytest
import torch

from ai_mixer.augment.augment import Chain
from ai_mixer.augment.polarity import PolarityFlip
from ai_mixer.console import load_console
from ai_mixer.data.folder import Folder
from ai_mixer.data.module import MixData
from ai_mixer.tasks.restore import Restore
from ai_mixer.types import Batch


@pytest.fixture
def build(tree):
    def build(task=None, **options):
        task = task or Restore(load_console())
        options = {"sample_rate": 8_000, "excerpt_s": 0.25, "excerpts_per_song": 3} | options
        return MixData(Folder(tree), task, Chain(), **{"batch_size": 2} | options)

    return build


def batches(loader, epoch=0):
    loader.sampler.set_epoch(epoch)
    return list(loader)


def equal(one, other):
    return all(
        torch.equal(a.rough, b.rough) and torch.equal(a.knobs, b.knobs) and a.song_id == b.song_id
        for a, b in zip(one, other, strict=True)
    )


def test_batches(build):
    data = build()
    (batch, *_) = batches(data.train_dataloader())
    assert isinstance(batch, Batch)
    assert batch.rough.shape == batch.finished.shape == batch.reference.shape == (2, 2, 2_000)
    assert batch.knobs.shape == batch.mask.shape == (2, 10)
    assert batch.mask.dtype == torch.bool
    assert batch.sample_rate == 8_000


def test_splits_are_apart(build):
    data = build()
    ids = [{song.id for song in data.songs(split)} for split in ("train", "val", "test")]
    assert all(ids)
    assert sum(map(len, ids)) == len(set.union(*ids)) == 7
    with pytest.raises(ValueError, match="'valid' is none of train, val, test"):
        data.songs("valid")


def test_epochs_differ_in_training_only(build):
    data = build()
    assert not equal(batches(data.train_dataloader(), 0), batches(data.train_dataloader(), 1))
    assert equal(batches(data.val_dataloader(), 0), batches(data.val_dataloader(), 1))
    conditions = torch.cat([batch.condition for batch in batches(data.test_dataloader())])
    assert conditions.bincount(minlength=3).unique().numel() == 1


def test_only_training_is_augmented(tree, show_task):
    options = {"sample_rate": 8_000, "excerpt_s": 0.25, "excerpts_per_song": 1}
    data = MixData(Folder(tree), show_task, Chain([PolarityFlip(1.0)]), **options)
    assert all((batch.rough[:, 0] < 0).all() for batch in data.train_dataloader())
    assert all((batch.rough[:, 0] > 0).all() for batch in data.val_dataloader())


def test_workers_change_nothing(build):
    here = batches(build().train_dataloader(), 2)
    loader = build(workers=2).train_dataloader()
    assert equal(batches(loader, 2), here)
    assert not equal(batches(loader, 3), here)
    assert equal(batches(loader, 2), here)  # the same workers, some epochs later


def test_an_empty_split_says_what_to_do(tmp_path, write_song, show_task):
    write_song(tmp_path / "only.wav")
    data = MixData(Folder(tmp_path), show_task)
    with pytest.raises(ValueError, match=r"no songs in val .*'train': 1.*add songs or artists"):
        data.val_dataloader()
