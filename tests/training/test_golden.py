"""The golden loss curve: a small training gives the losses it gave, step by step.

A refactor leaves it as it is. What is meant to change numbers writes a new one, and its commit says
why: .venv/bin/python -m pytest tests/training/test_golden.py --write-golden
"""

import json
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from ai_mixer.training.builders import build_callbacks, build_components, build_trainer

GOLDEN = Path(__file__).parent / "golden" / "loss_curve.json"
TOLERANCE = 1e-4  # relative, absolute below 1: other threads are 2e-6 off, other vector units 2e-5
WORDS = [
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
    """Every training step's loss and terms, every epoch's validation: name → values."""

    def __init__(self):
        self.points = {}

    def on_train_batch_end(self, trainer, *_):
        self._keep(trainer, "train/")

    def on_validation_end(self, trainer, *_):
        self._keep(trainer, "val/")

    def _keep(self, trainer, stage):
        for name, value in trainer.callback_metrics.items():
            if name.startswith(stage) and not name.endswith("_epoch"):
                self.points.setdefault(name, []).append(float(value))


@pytest.fixture(scope="module")
def curve(compose, songs_folder, tmp_path_factory):
    """What the training gives now, seeded as `train` seeds it."""
    cfg = compose(*WORDS, f"data.root={songs_folder}")
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    parts, seen = build_components(cfg), Curve()
    trainer = build_trainer(
        cfg,
        [build_callbacks(cfg)["reseed"], seen],
        logger=False,
        enable_progress_bar=False,
        default_root_dir=tmp_path_factory.mktemp("golden"),
    )
    trainer.fit(parts.system, datamodule=parts.data)
    return seen.points


@pytest.fixture(scope="module")
def golden(curve, request):
    """What it gave when it was written down."""
    if request.config.getoption("--write-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        record = {"torch": torch.__version__, "words": WORDS, "curve": curve}
        GOLDEN.write_text(json.dumps(record, indent=1) + "\n")
    assert GOLDEN.is_file(), (
        f"{GOLDEN} is missing: get it back, it is what a change is held against"
    )
    return json.loads(GOLDEN.read_text())


def test_the_curve_is_the_golden_one(curve, golden):
    assert golden["words"] == WORDS
    assert set(curve) == set(golden["curve"])
    far = {
        name: f"{values} was {golden['curve'][name]}"
        for name, values in curve.items()
        if values != pytest.approx(golden["curve"][name], rel=TOLERANCE, abs=TOLERANCE)
    }
    assert not far, f"numbers changed (torch {torch.__version__}, then {golden['torch']})"


def test_the_curve_has_something_to_say(golden):
    """All terms, all steps, all epochs, and a model that moves: else nothing would be noticed."""
    curve = golden["curve"]
    terms = {"loss", "knobs", "perceptual", "balance", "dynamics"}
    assert {f"{stage}/{term}" for stage in ("train", "val") for term in terms} <= set(curve)
    assert "val/skill" in curve
    assert len(curve["train/loss"]) == 3 * len(curve["val/loss"])
    for values in curve.values():
        assert len({round(value, 3) for value in values}) > 1
