"""The outcome of an evaluation: records, the tables made of them, and how they are written down."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ai_mixer.evaluation.plots import plot_closeness
from ai_mixer.evaluation.significance import significance_table, songs_table, verdicts
from ai_mixer.metrics.plots import plot_skill
from ai_mixer.metrics.standards_table import table_bands, table_s, table_scores
from ai_mixer.metrics.tables import DISTANCES, table_a, table_headline, table_k, to_markdown

SKILL_COLUMNS = ("skill", "skill_low", "skill_high", "mae")


@dataclass(frozen=True)
class EvaluationResults:
    """Records per excerpt, condition and system; tables K, A and S; the model against each rival.

    skipped: songs left out (file, reason). missing: systems that could not take part, and why.
    """

    records: pd.DataFrame
    knobs: pd.DataFrame
    audio: pd.DataFrame
    headline: pd.DataFrame = field(default_factory=pd.DataFrame)
    standards: pd.DataFrame = field(default_factory=pd.DataFrame)
    bands: pd.DataFrame = field(default_factory=pd.DataFrame)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    significance: pd.DataFrame = field(default_factory=pd.DataFrame)
    skipped: pd.DataFrame = field(default_factory=pd.DataFrame)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Under which the model was heard."""
        return tuple(dict.fromkeys(self.records["condition"]))

    def skill(self, condition: str, number: str = "skill") -> float:
        """A number of the headline row of protocol K: skill, skill_low, skill_high or mae."""
        return float(self.knobs[condition, number]["headline"])

    def closeness(self, condition: str) -> float:
        """How much of the way to the finished version the model's mix went (protocol A)."""
        return float(self.audio["closeness"][condition, "all", "model"])

    def metrics(self, prefix: str = "test/") -> dict[str, float]:
        """Headline figures per condition, for logging."""
        metrics = {}
        for condition in self.conditions:
            for number in SKILL_COLUMNS:
                metrics[f"{prefix}{number}_{condition}"] = self.skill(condition, number)
            metrics[f"{prefix}closeness_{condition}"] = self.closeness(condition)
        return {**metrics, f"{prefix}skipped_songs": float(len(self.skipped))}

    @property
    def knobs_known(self) -> bool:
        """Of before-and-after pairs nobody knows them."""
        return not all(math.isnan(self.skill(condition)) for condition in self.conditions)

    def markdown(self) -> str:
        """What a run's page shows: verdicts, tables K and A, with what they mean."""
        return (
            f"{self._notes()}"
            f"## Protocol K: knob skill\n{self._skills()}\n"
            "## Protocol A: distance to the finished version\n"
            "closeness = 1 − d(mix) / d(rough), mid/side STFT at equal loudness; closer = share of "
            "songs that came closer.\n\n"
            f"{to_markdown(_overall(self.audio))}\n"
        )

    def full_markdown(self) -> str:
        """All of it: also the tests against each rival, and the genres one by one."""
        genres = self.audio[self.audio.index.get_level_values("genre") != "all"]
        return (
            f"{self.markdown()}\n"
            "## Against each rival\n"
            "gain: by how much the model's error is smaller, mean over songs, with its 95 % "
            "interval. p: chance of such a difference if there were none (signs of the songs' "
            "differences flipped, two-sided); p_holm: the same for all tests of a condition "
            "together. beats: yes or worse where p_holm is below 0.05, else no.\n\n"
            f"{to_markdown(_readable(self.significance), digits=3)}\n"
            "## Protocol S: standards\n"
            "Means, and the share of excerpts that keep each standard: the loudness of delivery "
            "(−14 LUFS), its ceiling (−1 dBTP), crest, centroid against the finished version, RMS "
            "against the rough. at_bounds: share of knobs at an end of their travel; spread: "
            "standard deviation of a knob's position over songs.\n\n"
            f"{to_markdown(_overall(self.standards))}\n"
            "Share of the five named bands in the power of all, dB, and their errors:\n\n"
            f"{to_markdown(_overall(self.bands), digits=1)}\n"
            "## Scores\n"
            "From 0 to 1 against the finished version at equal loudness, 1 = as the finished "
            "version: a summary for a quick look (docs/metrics.md).\n\n"
            f"{to_markdown(self.scores)}\n"
            "## Protocol A by genre\n\n"
            f"{to_markdown(genres)}"
        )

    def write(self, folder: Path) -> None:
        """CSV files, tables.md and pictures; skipped.csv where it has a row."""
        folder.mkdir(parents=True, exist_ok=True)
        self.records.to_csv(folder / "records.csv", index=False)
        flat = self.knobs.set_axis([" ".join(c) for c in self.knobs.columns], axis=1)
        flat.to_csv(folder / "knobs.csv")
        self.headline.to_csv(folder / "headline.csv")
        self.audio.to_csv(folder / "audio.csv")
        self.standards.to_csv(folder / "standards.csv")
        self.bands.to_csv(folder / "bands.csv")
        self.scores.to_csv(folder / "scores.csv")
        self.significance.to_csv(folder / "versus.csv")
        songs_table(self.records, DISTANCES).to_csv(folder / "songs.csv", index=False)
        (folder / "tables.md").write_text(self.full_markdown(), encoding="utf-8")
        plot_skill(self.knobs).savefig(folder / "knob_skill.png")
        plot_closeness(self.audio).savefig(folder / "closeness.png")
        if len(self.skipped):
            self.skipped.to_csv(folder / "skipped.csv", index=False)

    def _notes(self) -> str:
        """What has to be read before the tables."""
        lines = verdicts(self.significance) if len(self.significance) else []
        lines += [f"not here: `{name}` ({reason})" for name, reason in self.missing.items()]
        if len(self.skipped):
            lines.append(f"songs left out: {len(self.skipped)} (skipped.csv)")
        return "".join(f"- {line}\n" for line in lines) + ("\n" if lines else "")

    def _skills(self) -> str:
        if not self.knobs_known:
            return "Nobody knows the knobs of these songs: they are somebody else's work.\n"
        songs = self.knobs[self.conditions[0], "songs"]
        errors = self._by_condition("mae").assign(songs=songs)
        everybody = f"Everybody's headline:\n\n{to_markdown(self.headline)}\n"
        return (
            "1 − MAE / MAE of `mean_knobs`, on held-out songs, 95 % interval over songs.\n\n"
            f"{everybody if len(self.headline) else ''}The model's knobs:\n\n"
            f"{to_markdown(self._by_condition('skill'))}\n"
            "MAE as a share of the knob's travel, and the songs on which the knob counts:\n\n"
            f"{to_markdown(errors)}\n"
        )

    def _by_condition(self, number: str) -> pd.DataFrame:
        """One number of protocol K, and its interval: few columns fit a run's description."""
        columns = {
            condition + end: self.knobs[condition, number + end]
            for condition in self.conditions
            for end in ("", "_low", "_high")
            if (condition, number + end) in self.knobs
        }
        return pd.DataFrame(columns)


def build_results(
    records: pd.DataFrame, skipped: pd.DataFrame, missing: Mapping[str, str]
) -> EvaluationResults:
    """The tables that follow from records."""
    return EvaluationResults(
        records,
        knobs=table_k(records),
        audio=table_a(records),
        headline=table_headline(records),
        standards=table_s(records),
        bands=table_bands(records),
        scores=table_scores(records),
        significance=significance_table(records),
        skipped=skipped,
        missing=missing,
    )


def _overall(table: pd.DataFrame) -> pd.DataFrame:
    """All genres together."""
    everyone = table.index.get_level_values("genre") == "all"
    return table[everyone].droplevel("genre")


def _readable(significance: pd.DataFrame) -> pd.DataFrame:
    """Small p-values as one reads them."""
    words = {
        name: [f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in significance[name]]
        for name in ("p", "p_holm")
    }
    return significance.assign(**words)
