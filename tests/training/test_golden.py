"""Golden loss curve: the losses of a small training equal the stored ones, step by step.

After an intended change, write the file again and give the reason in the commit:
.venv/bin/python -m pytest tests/training/test_golden.py --write-golden
"""

import json
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from ai_mixer.training.builders import build_callbacks, build_components, build_trainer

GOLDEN = Path(__file__).parent / "golden" / "loss_curve.json"
# Relative, absolute below 1. Measured: 2e-6 between numbers of threads, 2e-5 between vector units.
TOLERANCE = 1e-4
OVERRIDES = [
    "data=folder",
    "model=baseline_cnn",
    "model.channels=8",
    "model.features=16",
    "loss=balanced",
    "loader.excerpt_s=1",
    "loader.excerpts_per_song=3",
    "loader.held_out_per_song=3",
    "loader.batch_size=4",
    "loader.workers=0",
    "system.rendered_items=2",
    "trainer.max_epochs=3",
    "trainer.log_every_n_steps=1",
]


class Curve(pl.Callback):
    """Record losses and terms of every training step and every validation: name → values."""

    def __init__(self):
        self.points = {}

    def on_train_batch_end(self, trainer, *_):
        self._record(trainer, "train/")

    def on_validation_end(self, trainer, *_):
        self._record(trainer, "val/")

    def _record(self, trainer, stage):
        for name, value in trainer.callback_metrics.items():
            if name.startswith(stage) and not name.endswith("_epoch"):
                self.points.setdefault(name, []).append(float(value))


@pytest.fixture(scope="module")
def curve(compose, songs_folder, tmp_path_factory):
    """Curve of a training, seeded as in `train`."""
    cfg = compose(*OVERRIDES, f"data.root={songs_folder}")
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    parts, recorder = build_components(cfg), Curve()
    trainer = build_trainer(
        cfg,
        [build_callbacks(cfg)["reseed"], recorder],
        logger=False,
        enable_progress_bar=False,
        default_root_dir=tmp_path_factory.mktemp("golden"),
    )
    trainer.fit(parts.system, datamodule=parts.data)
    return recorder.points


@pytest.fixture(scope="module")
def golden(curve, request):
    """The stored curve."""
    if request.config.getoption("--write-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        record = {"torch": torch.__version__, "overrides": OVERRIDES, "curve": curve}
        GOLDEN.write_text(json.dumps(record, indent=1) + "\n")
    assert GOLDEN.is_file(), f"{GOLDEN} is missing: restore it from version control"
    return json.loads(GOLDEN.read_text())


def test_loss_curve_equals_the_golden_curve(curve, golden):
    assert golden["overrides"] == OVERRIDES
    assert set(curve) == set(golden["curve"])
    changed = {
        name: f"{values} was {golden['curve'][name]}"
        for name, values in curve.items()
        if values != pytest.approx(golden["curve"][name], rel=TOLERANCE, abs=TOLERANCE)
    }
    assert not changed, f"torch {torch.__version__}, golden curve: torch {golden['torch']}"


def test_golden_curve_has_all_terms_and_epochs_and_varies(golden):
    curve = golden["curve"]
    terms = {"loss", "knobs", "perceptual", "balance", "dynamics"}
    assert {f"{stage}/{term}" for stage in ("train", "val") for term in terms} <= set(curve)
    assert "val/skill" in curve
    assert len(curve["train/loss"]) == 3 * len(curve["val/loss"])
    for values in curve.values():
        assert len({round(value, 3) for value in values}) > 1
