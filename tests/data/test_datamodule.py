"""MixDataModule: batches do not depend on workers, order or resuming."""

import re
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.augment.augment import Compose
from ai_mixer.augment.polarity_flip import PolarityFlip
from ai_mixer.config.folder import config_folder
from ai_mixer.console import load_console
from ai_mixer.core.types import Batch
from ai_mixer.data.datamodule import MixDataModule
from ai_mixer.data.folder import Folder
from ai_mixer.tasks.restore import Restore


@pytest.fixture
def build(tree):
    def build(task=None, augment=None, **options):
        task = task or Restore(load_console())
        options = {"sample_rate": 8_000, "excerpt_s": 0.25, "excerpts_per_song": 3} | options
        return MixDataModule(
            Folder(tree), task, augment or Compose(), **{"batch_size": 2} | options
        )

    return build


def batches(loader, epoch=0):
    loader.sampler.set_epoch(epoch)
    return list(loader)


def equal(one, other):
    return all(
        torch.equal(a.rough, b.rough) and torch.equal(a.knobs, b.knobs) and a.song_id == b.song_id
        for a, b in zip(one, other, strict=True)
    )


def test_shapes_of_a_batch(build):
    data = build()
    (batch, *_) = batches(data.train_dataloader())
    assert isinstance(batch, Batch)
    assert batch.rough.shape == batch.finished.shape == batch.reference.shape == (2, 2, 2_000)
    assert batch.knobs.shape == batch.mask.shape == (2, len(data.task.console.knobs))
    assert batch.mask.dtype == torch.bool
    assert batch.sample_rate == 8_000


def test_splits_are_disjoint(build):
    data = build()
    ids = [{song.id for song in data.songs(split)} for split in ("train", "val", "test")]
    assert all(ids)
    assert sum(map(len, ids)) == len(set.union(*ids)) == 7
    with pytest.raises(ValueError, match=r"'valid'.*train, val, test"):
        data.songs("valid")


def test_only_training_examples_differ_between_epochs(build):
    data = build()
    assert not equal(batches(data.train_dataloader(), 0), batches(data.train_dataloader(), 1))
    assert equal(batches(data.val_dataloader(), 0), batches(data.val_dataloader(), 1))
    conditions = torch.cat([batch.condition for batch in batches(data.test_dataloader())])
    assert conditions.bincount(minlength=3).unique().numel() == 1


def test_only_training_examples_are_augmented(tree, show_task):
    options = {"sample_rate": 8_000, "excerpt_s": 0.25, "excerpts_per_song": 1}
    data = MixDataModule(Folder(tree), show_task, Compose([PolarityFlip(1.0)]), **options)
    assert all((batch.rough[:, 0] < 0).all() for batch in data.train_dataloader())
    assert all((batch.rough[:, 0] > 0).all() for batch in data.val_dataloader())


def test_batches_do_not_depend_on_workers(build):
    cfg = OmegaConf.load(config_folder() / "augment" / "strong.yaml")
    strong = instantiate(cfg, knobs=load_console().names)
    options = {"augment": strong, "sample_rate": 8_000, "excerpt_s": 1.0, "excerpts_per_song": 8}
    expected = batches(build(**options).train_dataloader(), 1)
    loader = build(workers=2, **options).train_dataloader()
    assert equal(batches(loader, 1), expected)
    assert not equal(batches(loader, 2), expected)
    assert equal(batches(loader, 1), expected)  # the same workers in a later epoch
    unchanged = batches(build(**options | {"augment": Compose()}).train_dataloader(), 1)
    assert not equal(unchanged, expected)


def test_empty_split_is_an_error(tmp_path, write_song, show_task):
    write_song(tmp_path / "only.wav", seconds=6)
    data = MixDataModule(Folder(tmp_path), show_task, sample_rate=8_000)
    with pytest.raises(ValueError, match=r"val.*'train': 1"):
        data.val_dataloader()


def warned(data):
    """Warnings of two calls of `songs`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data.songs("train"), data.songs("test")
    return [str(warning.message) for warning in caught]


def test_skipped_songs_are_listed_in_one_warning(tmp_path, write_song, show_task):
    for number in range(5):
        write_song(tmp_path / f"{number}.wav")
        (tmp_path / f"bad {number}.wav").write_text("no sound")
    data = MixDataModule(Folder(tmp_path), show_task, sample_rate=8_000, excerpt_s=1.0)
    (line,) = warned(data)
    assert line.startswith(f"5 songs skipped: {tmp_path}/bad 0.wav: ")
    assert line.count("bad ") == 3
    assert [Path(song.file).name for song in data.skipped] == [f"bad {n}.wav" for n in range(5)]


def test_short_songs_and_low_sample_rates_cause_warnings(tree, show_task):
    """Seven songs of 4 s at 8 kHz."""
    short, low = warned(MixDataModule(Folder(tree), show_task))
    assert re.match(r"7 songs .* 5 s .*: Hip-Hop/d/first, .* …$", short)
    assert re.match(r"7 songs .*: Hip-Hop/d/first \(8000 Hz\), .* …$", low)
    assert not warned(MixDataModule(Folder(tree), show_task, excerpt_s=4.0, sample_rate=8_000))


def test_sources_need_no_attribute_skipped(tree, show_task):
    songs = Folder(tree).songs()
    source = SimpleNamespace(songs=lambda: songs)
    assert not warned(MixDataModule(source, show_task, excerpt_s=4.0, sample_rate=8_000))


class RecordingModule(pl.LightningModule):
    """Records its batches."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches = []

    def training_step(self, batch, _):
        self.batches.append((self.current_epoch, batch))
        return self.weight

    def validation_step(self, batch, _):
        self.batches.append(("val", batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore:The .*_dataloader. does not have many workers")
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # Lightning 2.6 on torch 2.13
def test_resumed_training_gets_the_same_batches(build, show_task, tmp_path):
    def fit(epochs, **options):
        module = RecordingModule()
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            default_root_dir=tmp_path,
            enable_checkpointing=False,
            num_sanity_val_steps=0,
            **quiet,
        )
        trainer.fit(module, build(show_task, batch_size=4), weights_only=True, **options)
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        return module.batches

    expected = fit(3)
    resumed = [*fit(1), *fit(3, ckpt_path=tmp_path / "last.ckpt")]
    assert [epoch for epoch, _ in expected] == [epoch for epoch, _ in resumed]
    assert equal([batch for _, batch in expected], [batch for _, batch in resumed])
    validations = [batch for epoch, batch in expected if epoch == "val"]
    third = len(validations) // 3
    assert equal(validations[:third], validations[third : 2 * third])


def test_batches_of_whole_songs_have_one_item(build):
    data = build(excerpt_s="full", excerpts_per_song=1, batch_size=4)
    songs = {song.id: song for song in data.songs("train")}
    for batch in batches(data.train_dataloader()):
        (song_id,) = batch.song_id
        assert batch.rough.shape[-1] == round(songs[song_id].duration_s * 8_000)


def test_genre_balance_draws_genres_equally_often(build):
    data = build(balance="genre", batch_size=1, excerpts_per_song=4)
    genres = {song.id: song.genre for song in data.songs("train")}
    assert len(set(genres.values())) > 1
    drawn = Counter(genres[batch.song_id[0]] for batch in batches(data.train_dataloader()))
    assert max(drawn.values()) - min(drawn.values()) <= 1
    with pytest.raises(ValueError, match=r"balance.*artist"):
        build(balance="artist")
