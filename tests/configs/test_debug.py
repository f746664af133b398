"""The debug pages do what they say: a model learns one batch by heart, a profile is left behind."""

import pytest
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.training.builders import build_callbacks, build_components, build_trainer

TINY = ["loader.excerpt_s=0.5", "loader.batch_size=2", "loader.workers=0", "data=folder"]
PROFILERS = "pytorch_lightning.profilers"


def trained(cfg, folder, **options):
    """What `train` does with these callbacks and this trainer, without a run around it."""
    callbacks = build_callbacks(cfg)
    for name in ("best", "last"):
        if name in callbacks:
            callbacks[name].dirpath = str(folder / "checkpoints")
    kept = [callback for name, callback in callbacks.items() if name != "figures"]
    options |= {"enable_progress_bar": False, "default_root_dir": folder}
    trainer = build_trainer(cfg, kept, logger=CSVLogger(folder), **options)
    trainer.profiler.dirpath = folder / "profile"
    parts = build_components(cfg)
    trainer.fit(parts.system, datamodule=parts.data)
    return trainer


def profile(compose, songs_folder, folder, *words):
    """The file names a tiny `debug=profile` leaves, and the text of the table."""
    few = [
        "trainer.limit_train_batches=8",
        "loader.excerpts_per_song=8",
        "model=mean_knobs",
        "trainer.log_every_n_steps=1",
    ]
    words = [*TINY, *few, f"data.root={songs_folder}", *words]
    trained(compose("debug=profile", *words), folder)
    left = {path.name for path in (folder / "profile").iterdir()}
    return left, (folder / "profile" / "fit-profile.txt").read_text()


def test_a_profile_leaves_its_table_and_nothing_else(compose, songs_folder, tmp_path):
    left, table = profile(compose, songs_folder, tmp_path)
    assert left == {"fit-profile.txt"}
    for action in ("training_step", "backward", "train_dataloader_next", "optimizer_step"):
        assert action in table
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profiler", "known"),
    [("PyTorchProfiler", "Self CPU time total"), ("AdvancedProfiler", "ncalls")],
)
def test_the_other_profilers_on_the_page(compose, songs_folder, tmp_path, profiler, known):
    word = f"trainer.profiler._target_={PROFILERS}.{profiler}"
    assert known in profile(compose, songs_folder, tmp_path, word)[1]


def overfit(compose, songs_folder, folder, *words):
    """The knobs loss on the batch, without dropout, after the last epoch."""
    words = ["data=folder", f"data.root={songs_folder}", *words]
    trainer = trained(compose("debug=overfit", *words), folder)
    return float(trainer.callback_metrics["val/knobs"])


@pytest.mark.slow
def test_a_model_that_can_learn_learns_one_batch_by_heart(compose, songs_folder, tmp_path):
    assert overfit(compose, songs_folder, tmp_path, "model=baseline_cnn") < 1e-3


@pytest.mark.slow
def test_a_model_that_does_not_listen_cannot(compose, songs_folder, tmp_path):
    """The control: what the small loss proves is that the model heard something."""
    assert overfit(compose, songs_folder, tmp_path, "model=mean_knobs") > 1e-2
