"""A training with further loggers, and one with a compiled model."""

import pandas as pd
import pytest

from ai_mixer.cli.pipeline import train
from ai_mixer.tracking import load_model_files

SHORT = ["trainer.max_epochs=1", "evaluate=null", "render=null"]
SHORT += ["callbacks.knob_plots.every_n_epochs=0"]


@pytest.fixture
def short_training(small_overrides, compose, store):
    """Function: overrides → the finished run of one epoch."""

    def make(*overrides):
        texts = [*small_overrides, f"paths.mlruns={store.folder}", *SHORT, *overrides]
        return train(compose(*texts), compose(), texts, {})

    return make


@pytest.mark.slow
def test_csv_file_has_the_metrics_of_mlflow(short_training):
    run = short_training("logger=csv")
    table = pd.read_csv(run.artifact_dir / "csv/version_0/metrics.csv")
    logged = run.store.client.get_run(run.id).data.metrics
    for name in ("train/loss", "val/loss", "val/skill"):
        assert table[name].dropna().iloc[-1] == pytest.approx(logged[name], rel=1e-6)
    assert "run_name" in (run.artifact_dir / "csv/version_0/hparams.yaml").read_text()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch.compile imports modules with warnings of their own
def test_compiled_training_saves_the_same_model(short_training):
    """The same keys, and curves that differ only by rounding."""
    runs = [short_training(f"compile={flag}") for flag in ("false", "true")]
    plain, compiled = (load_model_files(run.artifact_dir)[0] for run in runs)
    assert plain.keys() == compiled.keys()
    expected, actual = (run.store.client.get_run(run.id).data.metrics for run in runs)
    for name in ("train/loss", "val/loss", "val/knobs"):
        assert actual[name] == pytest.approx(expected[name], rel=1e-3)
