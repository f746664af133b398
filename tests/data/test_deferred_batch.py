"""`task.device=cuda`: the loader reads files, and examples are made from a batch."""

import pytest
import torch

from ai_mixer.augment.augment import Compose
from ai_mixer.augment.level import Level
from ai_mixer.augment.polarity_flip import PolarityFlip
from ai_mixer.console import load_console
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.deferred_batch import DeferredBatch
from ai_mixer.data.folder import Folder
from ai_mixer.tasks.restore import Restore
from helpers.measures import residual_db
from helpers.parameters import first_fast


@pytest.fixture
def build(songs_folder):
    def build(device, **options):
        console = load_console()
        steps = [PolarityFlip(probability=0.5), Level(version="rough", probability=0.5)]
        task, augment = Restore(console, device=device), Compose(steps, console.names)
        options = {"sample_rate": 22050, "excerpt_s": 0.5, "excerpts_per_song": 2} | options
        return MixDataModule(Folder(songs_folder), task, augment, **{"batch_size": 4} | options)

    return build


@pytest.mark.parametrize("workers", first_fast([0, 1]))
def test_the_examples_are_those_of_the_workers(build, workers):
    data, task = build("cuda", workers=workers), Restore(load_console())
    pairs = zip(build("cpu").train_dataloader(), data.train_dataloader(), strict=True)
    for want, deferred in pairs:
        assert isinstance(deferred, DeferredBatch)
        got = deferred.to(torch.float32).make(task.make)
        for name in ("rough", "finished", "reference"):
            for one, other in zip(getattr(got, name), getattr(want, name), strict=True):
                assert residual_db(one, other) < -90 or torch.equal(one, other)
        assert (got.song_id, got.sample_rate) == (want.song_id, want.sample_rate)
        for name in ("condition", "knobs", "mask", "genre", "unlabelled"):
            torch.testing.assert_close(getattr(got, name), getattr(want, name))


def test_held_out_examples_are_made_by_the_loader(build):
    data = build("cuda")
    batch = next(iter(data.val_dataloader()))
    assert data.on_after_batch_transfer(batch, 0) is batch
    assert batch.rough.shape[0] == len(batch)


def test_a_batch_on_its_device_becomes_examples(build, monkeypatch):
    data = build("cuda")
    deferred = next(iter(data.train_dataloader()))
    monkeypatch.setattr(data.task, "device", "meta")
    on_meta = deferred.to("meta")
    made = []
    monkeypatch.setattr(DeferredBatch, "make", lambda self, task: made.append(self))
    data.on_after_batch_transfer(on_meta, 0)
    assert made == [on_meta]


def test_a_batch_on_another_device_is_refused_with_the_way_out(build):
    data = build("cuda")
    deferred = next(iter(data.train_dataloader()))
    with pytest.raises(
        ValueError, match=r"^task\.device=cuda [^\n]* on cpu: add trainer=gpu[^\n]*$"
    ):
        data.on_after_batch_transfer(deferred, 0)
