"""The options of `debug`: a profile is written, a model overfits one batch."""

import pytest
from pytorch_lightning.loggers import CSVLogger

from ai_mixer.tracking.store import DEBUG_EXPERIMENT
from ai_mixer.training.builders import build_callbacks, build_components, build_trainer

TINY = ["loader.excerpt_s=0.5", "loader.batch_size=2", "loader.workers=0", "data=folder"]
PROFILERS = "pytorch_lightning.profilers"


def trained(cfg, folder, **options):
    """Train with the configured callbacks and trainer, without a run."""
    callbacks = build_callbacks(cfg)
    for name in ("best", "last"):
        if name in callbacks:
            callbacks[name].dirpath = str(folder / "checkpoints")
    used = [callback for name, callback in callbacks.items() if name != "knob_plots"]
    options |= {"enable_progress_bar": False, "default_root_dir": folder}
    trainer = build_trainer(cfg, used, logger=CSVLogger(folder), **options)
    trainer.profiler.dirpath = folder / "profile"
    parts = build_components(cfg)
    trainer.fit(parts.system, datamodule=parts.data)
    return trainer


def profile(compose, songs_folder, folder, *overrides):
    """Names of the files that a small `debug=profile` writes, and the text of the table."""
    small = [
        "trainer.limit_train_batches=8",
        "loader.excerpts_per_song=8",
        "model=mean_knobs",
        "trainer.log_every_n_steps=1",
    ]
    overrides = [*TINY, *small, f"data.root={songs_folder}", *overrides]
    trained(compose("debug=profile", *overrides), folder)
    names = {path.name for path in (folder / "profile").iterdir()}
    return names, (folder / "profile" / "fit-profile.txt").read_text()


@pytest.mark.slow
def test_profile_writes_only_its_table(compose, songs_folder, tmp_path):
    names, table = profile(compose, songs_folder, tmp_path)
    assert names == {"fit-profile.txt"}
    for action in ("training_step", "backward", "train_dataloader_next", "optimizer_step"):
        assert action in table
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profiler", "expected"),
    [("PyTorchProfiler", "Self CPU time total"), ("AdvancedProfiler", "ncalls")],
)
def test_other_profilers(compose, songs_folder, tmp_path, profiler, expected):
    override = f"trainer.profiler._target_={PROFILERS}.{profiler}"
    assert expected in profile(compose, songs_folder, tmp_path, override)[1]


def overfit(compose, songs_folder, folder, *overrides):
    """The knob loss on the batch after the last epoch, without dropout."""
    overrides = ["data=folder", f"data.root={songs_folder}", *overrides]
    trainer = trained(compose("debug=overfit", *overrides), folder)
    return float(trainer.callback_metrics["val/knobs"])


@pytest.mark.slow
def test_cnn_overfits_one_batch(compose, songs_folder, tmp_path):
    assert overfit(compose, songs_folder, tmp_path, "model=baseline_cnn") < 1e-3


@pytest.mark.slow
def test_mean_knobs_do_not_overfit_one_batch(compose, songs_folder, tmp_path):
    """The control: a small loss needs the audio."""
    assert overfit(compose, songs_folder, tmp_path, "model=mean_knobs") > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("option", ["fast", "overfit", "profile"])
def test_debug_runs_are_in_an_experiment_of_their_own(compose, option):
    assert compose(f"debug={option}").experiment_name == DEBUG_EXPERIMENT
    assert compose(f"debug={option}", "experiment_name=mine").experiment_name == "mine"
    assert compose().experiment_name != DEBUG_EXPERIMENT
