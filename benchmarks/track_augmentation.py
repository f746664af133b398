"""What `augment=tracks` changes in the validation error of models of several tracks.

    AI_MIXER_MUSIC=/my/music python benchmarks/track_augmentation.py --seeds 0 1
    python benchmarks/track_augmentation.py --cost    # processor time of each step

The songs are those of `data=tracks`, in five folds by source: each song is a validation song once,
and its source is in no training set of that fold. Level and pan are learned (`task.effects=[]`),
from cached excerpts of 5 s. The number of epochs is fixed: nothing is chosen on validation songs.
Errors are means over songs, with 95 % intervals, and the difference is paired by example.
`balance`: of the faders in dB, without the mean difference of a song. `pan`: share of the travel.
"""

import argparse
import logging
import tempfile
import time

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate

from ai_mixer.augment.track_augment import ComposeTracks
from ai_mixer.config.compose import compose
from ai_mixer.core.stem_excerpt import StemExcerpt
from ai_mixer.core.track import ROLES
from ai_mixer.core.track_batch import TrackBatch
from ai_mixer.core.types import CONDITIONS
from ai_mixer.metrics.statistics import difference_estimate, estimate_columns, mean_estimate
from ai_mixer.metrics.tables import to_markdown
from ai_mixer.metrics.track_skill import PAN, balance_errors_db, knob_columns
from ai_mixer.training.builders import TrainingComponents, build_components, build_trainer
from ai_mixer.utils.progress import progress_bar

FOLDS, RATE = 5, 44_100
EPOCHS = {"multitrack_ridge": 1, "multitrack_transformer": 20}
ERRORS = {"balance": "balance, dB", "pan": "pan"}


def main() -> None:
    """Train, predict and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(EPOCHS))
    parser.add_argument("--examples", type=int, default=4, help="per training song")
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of weights and order")
    parser.add_argument("--cache", default=tempfile.gettempdir() + "/track_augmentation")
    parser.add_argument("overrides", nargs="*", help="of the augmented training")
    parser.add_argument("--cost", action="store_true")
    options = parser.parse_args()
    if options.cost:
        print(to_markdown(_cost(), digits=1))
        return
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    variants = {"none": ["augment=none"], "tracks": ["augment=tracks", *options.overrides]}
    records, started = [], time.process_time()
    for fold in progress_bar(options.folds, "folds"):
        for model in options.models:
            for seed in options.seeds:
                for name, overrides in variants.items():
                    common = _overrides(options, fold, model, seed)
                    table = _errors(common + overrides)
                    records.append(table.assign(model=model, augment=name, seed=seed))
    print(to_markdown(_table(pd.concat(records, ignore_index=True)), digits=3))
    print(f"\n{time.process_time() - started:.0f} s of processor time")


def _cost() -> pd.DataFrame:
    """Median processor time per changed stem of 5 s of stereo noise; takes are in memory."""
    noise = torch.randn(8, 2, 5 * RATE, generator=torch.Generator().manual_seed(0)) / 10
    roles = torch.full((len(noise),), ROLES.index("vocals"))
    excerpt = StemExcerpt(noise, roles, RATE, 16, lambda number, draw: noise[number])
    rng, rows = np.random.default_rng(0), {}
    for step in instantiate(compose("train", ["augment=tracks"]).augment).steps:
        step.probability, times_ms = 1.0, []
        for _ in range(12):
            started = time.process_time()
            changed = ComposeTracks([step]).prepare_first(excerpt, [step.draw(rng)])[0]
            stems = len(changed.stems) - len(noise) or len(noise)
            times_ms.append(1000 * (time.process_time() - started) / stems)
        rows[type(step).__name__] = {"ms per stem": float(np.median(times_ms))}
    return pd.DataFrame.from_dict(rows, orient="index")


def _overrides(options: argparse.Namespace, fold: int, model: str, seed: int) -> list[str]:
    return [
        *("task=remix", "data=tracks", f"data.fold={fold}", f"model={model}", "excerpt=5"),
        *("task.effects=[]", f"loader.examples_per_song={options.examples}"),
        *("loader.workers=0", "loader.held_out_per_song=6"),
        *(f"paths.data={options.cache}", f"seed={seed}", "run_name=benchmark"),
        f"trainer.max_epochs={EPOCHS[model]}",
        *("+trainer.enable_progress_bar=false", "+trainer.limit_val_batches=0"),
    ]


def _errors(overrides: list[str]) -> pd.DataFrame:
    """Errors of a trained model, a row per validation example."""
    cfg = compose("train", overrides)
    pl.seed_everything(cfg.seed, verbose=False)
    parts = build_components(cfg)
    trainer = build_trainer(cfg, [], logger=False)
    trainer.fit(parts.system, datamodule=parts.data)
    return pd.concat([_batch_errors(parts, batch) for batch in parts.data.val_dataloader()])


@torch.no_grad()
def _batch_errors(parts: TrainingComponents, batch: TrackBatch) -> pd.DataFrame:
    layout, predicted = parts.console.layout, parts.system.eval()(batch).knobs
    pan = knob_columns(layout, batch.tracks.shape[1])[PAN]
    pan_errors = (predicted - batch.knobs).abs().masked_fill(~batch.mask, torch.nan)[:, pan]
    balance = balance_errors_db(layout, predicted, batch.knobs, batch.mask)
    return pd.DataFrame(
        {
            "song": batch.song_id,
            "condition": [CONDITIONS[index] for index in batch.condition],
            "balance": balance.nanmean(1).numpy(),
            "pan": pan_errors.nanmean(1).numpy(),
        }
    )


def _table(records: pd.DataFrame) -> pd.DataFrame:
    """A row per model, condition and error."""
    rows = []
    for (model, condition), own in records.groupby(["model", "condition"], sort=False):
        none, tracks = (own[own["augment"] == name] for name in ("none", "tracks"))
        songs = none["song"].to_numpy()
        assert np.array_equal(songs, tracks["song"].to_numpy())  # the same examples
        for error, title in ERRORS.items():
            a, b = none[error].to_numpy(), tracks[error].to_numpy()
            row = {"model": model, "condition": condition, "error": title}
            row |= estimate_columns("none", mean_estimate(a, songs))
            row |= estimate_columns("tracks", mean_estimate(b, songs))
            row |= estimate_columns("difference", difference_estimate(b, a, songs))
            rows.append(row)
    return pd.DataFrame(rows).set_index(["model", "condition", "error"])


if __name__ == "__main__":
    main()
