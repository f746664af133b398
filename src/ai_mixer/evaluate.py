"""Evaluate: is a run's model better than doing nothing, on songs it never saw?

Protocols K (knob skill) and A (distance to the finished version), per condition, beside the
baselines. Every excerpt is drawn once and heard under all three conditions.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ai_mixer.assemble import build_data
from ai_mixer.console.load import config_folder
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.metrics.distance import distances
from ai_mixer.metrics.knobs import knob_errors
from ai_mixer.metrics.tables import table_a, table_k, to_markdown
from ai_mixer.mixer import Mixer, load_model
from ai_mixer.quiet import quiet, track
from ai_mixer.types import CONDITIONS, GENRES, Batch
from ai_mixer.units import db_to_ratio

BLIND_TARGET_LUFS = -14.0  # what loudness_only aims at when it hears no other version


def records(mixer: Mixer, batches: Iterator[Batch]) -> pd.DataFrame:
    """One row per excerpt, condition and system: knob errors (K) and audio distances (A)."""
    rows: list[dict[str, Any]] = []
    for batch in batches:
        for condition in CONDITIONS:
            rows += _rows(mixer, batch, condition)
    return pd.DataFrame(rows)


def _rows(mixer: Mixer, batch: Batch, condition: str) -> list[dict[str, Any]]:
    knobs = {
        "mean_knobs": mixer.hold_untrained(mixer.mean_knobs.expand_as(batch.knobs)),
        "model": _predict(mixer, batch, condition),
        "true_knobs": mixer.hold_untrained(batch.knobs),
    }
    mixes = {name: mixer.console(batch.rough, batch.sample_rate, k) for name, k in knobs.items()}
    mixes |= {"rough": batch.rough, "loudness_only": _match_loudness(batch, condition)}
    rows = []
    for system, mix in mixes.items():
        measured = distances(mix, batch.finished, batch.sample_rate)
        if system in knobs:
            measured |= knob_errors(mixer.console.knobs, knobs[system], batch.knobs, batch.mask)
        rows += _spread(batch, condition, system, measured)
    return rows


def _predict(mixer: Mixer, batch: Batch, condition: str) -> Tensor:
    heard = {"blind": {}, "reference": {"reference": batch.reference}}
    given = heard.get(condition, {"finished": batch.finished})
    return mixer.predict(batch.rough, batch.sample_rate, **given)


def _match_loudness(batch: Batch, condition: str) -> Tensor:
    heard = batch.reference if condition == "reference" else batch.finished
    target = loudness_lufs(heard, batch.sample_rate)
    if condition == "blind":
        target = torch.full_like(target, BLIND_TARGET_LUFS)
    gain_db = target - loudness_lufs(batch.rough, batch.sample_rate)
    return batch.rough * db_to_ratio(gain_db)[:, None, None]


def _spread(
    batch: Batch, condition: str, system: str, measured: dict[str, Tensor]
) -> list[dict[str, Any]]:
    """A row per item of the batch."""
    return [
        {
            "song_id": song,
            "genre": GENRES[genre] if genre >= 0 else "other",
            "condition": condition,
            "system": system,
            **{name: float(values[item]) for name, values in measured.items()},
        }
        for item, (song, genre) in enumerate(
            zip(batch.song_id, batch.genre.tolist(), strict=True)
        )
    ]
