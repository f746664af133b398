"""One batch by heart: always the same one, whatever the epoch, and nothing else changed."""

import torch

from ai_mixer.console import load_console
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.folder import Folder
from ai_mixer.data.overfit_batch import OverfitBatchDataModule
from ai_mixer.tasks.restore import Restore

SETTINGS = {"excerpt_s": 0.5, "excerpts_per_song": 2, "held_out_per_song": 1, "batch_size": 3}


def data(songs_folder, kind=OverfitBatchDataModule, **more):
    return kind(Folder(songs_folder), Restore(load_console()), **SETTINGS, **more)


def epoch(loader, number):
    """The batches Lightning would see in that epoch."""
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(number)
    return list(loader)


def test_every_epoch_and_step_is_the_same_batch(songs_folder):
    module = data(songs_folder, steps=4)
    batches = [b for n in (0, 1) for b in epoch(module.train_dataloader(), n)]
    batches += epoch(module.val_dataloader(), 0)
    assert len(batches) == 9
    for batch in batches[1:]:
        assert batch.rough.equal(batches[0].rough)
        assert batch.knobs.equal(batches[0].knobs)


def test_it_is_the_first_batch_of_a_plain_training(songs_folder):
    plain = epoch(data(songs_folder, MixDataModule).train_dataloader(), 0)[0]
    (mine,) = data(songs_folder, steps=1).train_dataloader()
    assert mine.song_id == plain.song_id
    torch.testing.assert_close(mine.rough, plain.rough)


def test_lightning_s_own_word_would_not_do(songs_folder):
    """Why this exists: the same place of another epoch is another draw."""
    dataset = data(songs_folder, MixDataModule).dataset("train")
    assert not dataset[0, 0].knobs.equal(dataset[1, 0].knobs)


def test_held_out_songs_stay_as_they_are(songs_folder):
    mine, plain = (
        data(songs_folder).dataset("test"),
        data(songs_folder, MixDataModule).dataset("test"),
    )
    assert len(mine) == len(plain)
    assert mine[0, 0].knobs.equal(plain[0, 0].knobs)
