"""Evaluate: is a run's model better than doing nothing, on songs it never saw?

Protocols K (knob skill) and A (distance to the finished version), per condition, beside the
baselines. Every excerpt is drawn once and heard under all three conditions.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.utils.data import DataLoader

from ai_mixer.assemble import asked_run, held_out
from ai_mixer.command.stage import stage
from ai_mixer.data.skipped import SkippedSongs
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.metrics.distance import distances
from ai_mixer.metrics.knobs import knob_errors
from ai_mixer.metrics.tables import table_a, table_k, to_markdown
from ai_mixer.mixer import Mixer, load_model
from ai_mixer.quiet import track
from ai_mixer.tracking import find_run
from ai_mixer.types import CONDITIONS, Batch, Song

BLIND_TARGET_LUFS = -14.0  # what loudness_only aims at when it hears no other version


@dataclass(frozen=True)
class Evaluation:
    """Records per excerpt, condition and system, the tables made of them, and songs left out."""

    records: pd.DataFrame
    knobs: pd.DataFrame
    audio: pd.DataFrame
    skipped: pd.DataFrame = field(default_factory=pd.DataFrame)  # file, reason

    def skill(self, condition: str, number: str = "skill") -> float:
        """A number of the headline row of protocol K: skill, skill_low, skill_high or mae."""
        return float(self.knobs[condition, number]["headline"])

    def closeness(self, condition: str) -> float:
        """How much of the way to the finished version the model's mix went (protocol A)."""
        return float(self.audio["closeness"][condition, "all", "model"])

    def figures(self) -> dict[str, float]:
        """Headline figures per condition, for logging."""
        figures = {}
        for condition in CONDITIONS:
            for number in ("skill", "skill_low", "skill_high", "mae"):
                figures[f"test/{number}_{condition}"] = self.skill(condition, number)
            figures[f"test/closeness_{condition}"] = self.closeness(condition)
        return {**figures, "test/skipped_songs": float(len(self.skipped))}

    def markdown(self) -> str:
        """Both tables, with what they mean."""
        left_out = f"\nSongs left out: {len(self.skipped)} (skipped.csv)\n"
        overall = self.audio[self.audio.index.get_level_values("genre") == "all"]
        errors = self._by_condition("mae").assign(songs=self.knobs["blind", "songs"])
        return (
            "## Protocol K: knob skill\n"
            "1 − MAE / MAE of `mean_knobs`, on held-out songs, 95 % interval over songs.\n\n"
            f"{to_markdown(self._by_condition('skill'))}\n"
            "MAE as a share of the knob's travel, and the songs on which the knob counts:\n\n"
            f"{to_markdown(errors)}\n\n"
            "## Protocol A: distance to the finished version\n"
            "closeness = 1 − d(mix) / d(rough), mid/side STFT at equal loudness; closer = share of "
            "songs that came closer.\n\n"
            f"{to_markdown(overall.droplevel('genre'))}\n" + (left_out if len(self.skipped) else "")
        )

    def _by_condition(self, number: str) -> pd.DataFrame:
        """One number of protocol K, and its interval: few columns fit a run's description."""
        columns = {
            condition + end: self.knobs[condition, number + end]
            for condition in CONDITIONS
            for end in ("", "_low", "_high")
            if (condition, number + end) in self.knobs
        }
        return pd.DataFrame(columns)

    def write(self, folder: Path) -> None:
        """records.csv, knobs.csv, audio.csv, tables.md, and skipped.csv where it has a row."""
        folder.mkdir(parents=True, exist_ok=True)
        self.records.to_csv(folder / "records.csv", index=False)
        flat = self.knobs.set_axis([" ".join(c) for c in self.knobs.columns], axis=1)
        flat.to_csv(folder / "knobs.csv")
        self.audio.to_csv(folder / "audio.csv")
        (folder / "tables.md").write_text(self.markdown(), encoding="utf-8")
        if len(self.skipped):
            self.skipped.to_csv(folder / "skipped.csv", index=False)


@torch.inference_mode()
def evaluate(
    mixer: Mixer,
    *,
    data: DictConfig | None = None,
    split: str = "test",
    excerpts_per_song: int = 4,
    batch_size: int = 8,
    seed: int = 0,
) -> Evaluation:
    """Judge a model on the songs of a split. Twice gives the same numbers.

    data: a composed data config, None for the songs of the run itself.
    """
    loader = {"held_out_per_song": excerpts_per_song, "seed": seed}
    dataset = held_out(mixer.config, mixer.console, data, "reference", **loader).dataset(split)
    batches: DataLoader[Batch] = DataLoader(
        [(0, index) for index in range(len(dataset))],  # type: ignore[arg-type]
        batch_size=batch_size if dataset.excerpt_s else 1,  # whole songs differ in length
        collate_fn=lambda keys: Batch.collate([dataset[key] for key in keys]),
    )
    songs = {song.id: song for song in dataset.songs}
    rows: list[dict[str, Any]] = []
    skipped = SkippedSongs()
    for batch in track(batches, f"evaluating on {split} songs"):
        skipped.add(batch.skipped)
        for condition, systems in _judge(mixer, batch):
            rows += _spread(batch, songs, condition, systems)
    records = pd.DataFrame(rows)
    return Evaluation(records, table_k(records), table_a(records), pd.DataFrame(skipped.rows()))


Measured = dict[str, Tensor]
"""What was measured of one system: name → [B]."""


def _judge(mixer: Mixer, batch: Batch) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Per condition: system → what was measured. What does not depend on it is measured once."""
    rough = distances(batch.rough, batch.finished, batch.sample_rate)
    floor = mixer.hold_untrained(mixer.mean_knobs.expand_as(batch.knobs))
    shared = {
        "rough": rough,
        "mean_knobs": _mixed(mixer, batch, floor),
        "true_knobs": _where(batch.mask.any(-1), _mixed(mixer, batch, batch.knobs)),
    }
    for condition in CONDITIONS:
        gap = _loudness_gap(batch, condition)
        own = {
            # Spectra are compared at equal loudness, so only the loudness differs from the rough's.
            "loudness_only": {**rough, "loudness_lu": gap},
            "model": _mixed(mixer, batch, mixer.hear(batch, condition)),
        }
        yield condition, {**shared, **own}


def _where(known: Tensor, measured: Measured) -> Measured:
    """NaN for items whose true knobs nobody knows (before and after). known: [B] bool."""
    return {name: values.masked_fill(~known, math.nan) for name, values in measured.items()}


def _mixed(mixer: Mixer, batch: Batch, knobs: Tensor) -> Measured:
    mix = mixer.console(batch.rough, batch.sample_rate, knobs)
    return {
        **distances(mix, batch.finished, batch.sample_rate),
        **knob_errors(mixer.console.knobs, knobs, batch.knobs, batch.mask),
    }


def _loudness_gap(batch: Batch, condition: str) -> Tensor:
    """LU between the finished version and the rough brought to the loudness of what is heard."""
    finished = loudness_lufs(batch.finished, batch.sample_rate)
    if condition == "blind":
        return (finished - BLIND_TARGET_LUFS).abs()
    heard = batch.reference if condition == "reference" else batch.finished
    return (finished - loudness_lufs(heard, batch.sample_rate)).abs()


def _spread(
    batch: Batch, songs: dict[str, Song], condition: str, systems: dict[str, Measured]
) -> list[dict[str, Any]]:
    """A row per system and item of the batch."""
    return [
        {
            "song_id": songs[recording].song,  # several recordings of one song are one witness
            "genre": songs[recording].genre or "unknown",
            "condition": condition,
            "system": system,
            **{name: float(values[item]) for name, values in measured.items()},
        }
        for system, measured in systems.items()
        for item, recording in enumerate(batch.song_id)
    ]


@stage("evaluate")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.stages.evaluate [name=value …]`."""
    run = find_run(asked_run(cfg), cfg.paths.mlruns)
    options = {name: cfg[name] for name in ("split", "excerpts_per_song", "batch_size", "seed")}
    tables = evaluate(load_model(run, cfg.trusted), data=cfg.get("data"), **options)
    folder = run / "eval" / f"{cfg.data.name if cfg.get('data') else 'own'}-{cfg.split}"
    tables.write(folder)
    print(tables.markdown())
    print(folder / "tables.md")


if __name__ == "__main__":
    main()
