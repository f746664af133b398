"""OverfitBatchDataModule: the same batch in every epoch; test examples are not changed."""

import torch

from ai_mixer.console import load_console
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.folder import Folder
from ai_mixer.data.overfit_batch import OverfitBatchDataModule
from ai_mixer.tasks.restore import Restore

SETTINGS = {"excerpt_s": 0.5, "excerpts_per_song": 2, "held_out_per_song": 1, "batch_size": 3}


def data(songs_folder, cls=OverfitBatchDataModule, **options):
    return cls(Folder(songs_folder), Restore(load_console()), **SETTINGS, **options)


def epoch(loader, number):
    """Batches of an epoch, as in Lightning."""
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(number)
    return list(loader)


def test_all_epochs_and_steps_have_the_same_batch(songs_folder):
    module = data(songs_folder, steps=4)
    batches = [b for n in (0, 1) for b in epoch(module.train_dataloader(), n)]
    batches += epoch(module.val_dataloader(), 0)
    assert len(batches) == 9
    for batch in batches[1:]:
        assert batch.rough.equal(batches[0].rough)
        assert batch.knobs.equal(batches[0].knobs)


def test_batch_is_the_first_of_the_base_class(songs_folder):
    plain = epoch(data(songs_folder, MixDataModule).train_dataloader(), 0)[0]
    (batch,) = data(songs_folder, steps=1).train_dataloader()
    assert batch.song_id == plain.song_id
    torch.testing.assert_close(batch.rough, plain.rough)


def test_test_examples_are_those_of_the_base_class(songs_folder):
    test = data(songs_folder).dataset("test")
    expected = data(songs_folder, MixDataModule).dataset("test")
    assert len(test) == len(expected)
    assert test[0, 0].knobs.equal(expected[0, 0].knobs)
