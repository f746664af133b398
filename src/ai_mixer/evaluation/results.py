"""Results of an evaluation: records, tables, and their Markdown and CSV files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ai_mixer.core.metric_names import result_name
from ai_mixer.evaluation.holdout_filter import SEEN_COLUMN, HoldoutSongs, mark_headings
from ai_mixer.evaluation.plots import plot_closeness
from ai_mixer.evaluation.significance import significance_table, songs_table, verdicts
from ai_mixer.metrics.plots import plot_skill
from ai_mixer.metrics.standards_table import table_bands, table_s, table_scores
from ai_mixer.metrics.statistics import MIN_SONGS, MIN_SONGS_FOR_INTERVAL, reportable
from ai_mixer.metrics.tables import (
    APPLIED_ROW,
    DISTANCES,
    table_a,
    table_applied,
    table_headline,
    table_k,
    to_markdown,
)
from ai_mixer.utils.markdown import HIGH, LOW, SONGS

SKILL_COLUMNS = ("skill", "skill_low", "skill_high", "mae")
TABLES = (
    *("knob_table", "audio_table", "headline", "standards", "bands", "scores", "significance"),
)
NO_SONGS = HoldoutSongs([], {}, 0, [])


@dataclass(frozen=True)
class EvaluationResults:
    """Records per excerpt, condition and system; tables K, A and S; significance tests.

    skipped: skipped songs (file, reason). missing: name of a system that could not be prepared →
    reason. holdout: songs that were left out, or kept although they were seen in training.
    """

    records: pd.DataFrame
    knob_table: pd.DataFrame
    audio_table: pd.DataFrame
    headline: pd.DataFrame = field(default_factory=pd.DataFrame)
    standards: pd.DataFrame = field(default_factory=pd.DataFrame)
    bands: pd.DataFrame = field(default_factory=pd.DataFrame)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    significance: pd.DataFrame = field(default_factory=pd.DataFrame)
    skipped: pd.DataFrame = field(default_factory=pd.DataFrame)
    missing: Mapping[str, str] = field(default_factory=dict)
    holdout: HoldoutSongs = NO_SONGS

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions under which the model was evaluated."""
        return tuple(dict.fromkeys(self.records["condition"]))

    def skill(self, condition: str, number: str = "skill") -> float:
        """Value in the headline row of protocol K: skill, skill_low, skill_high, mae or songs."""
        return float(self.knob_table[condition, number]["headline"])

    def applied_skill(self, condition: str) -> float:
        """Headline skill of the applied knobs, which the model's mixes are rendered with."""
        row = APPLIED_ROW.format("model")
        if row in self.headline.index:
            return float(self.headline[condition][row])
        return self.skill(condition)  # nothing was shrunk

    def closeness(self, condition: str, end: str = "") -> float:
        """Closeness of the model's mixes (protocol A), 1 − d(mix) / d(rough); end: LOW or HIGH."""
        return float(self.audio_table["closeness" + end][condition, "all", "model"])

    def metrics(self, *prefix: str) -> dict[str, float]:
        """Headline metrics per condition and the number of songs, for logging.

        The values of few songs too, for aggregates over seeds and folds, but not their intervals.
        prefix: of the names, `test` by default.
        """
        shown, metrics = self.reported, {}
        for condition in self.conditions:
            for number in SKILL_COLUMNS:
                tables = shown if number.endswith((LOW, HIGH)) else self
                metrics[f"{number}_{condition}"] = tables.skill(condition, number)
            metrics[f"applied_skill_{condition}"] = self.applied_skill(condition)
            metrics[f"closeness_{condition}"] = self.closeness(condition)
        metrics["songs"] = float(max(self.songs(condition) for condition in self.conditions))
        metrics["skipped_songs"] = float(len(self.skipped))
        prefix = prefix or ("test",)
        return {result_name(*prefix, name): value for name, value in metrics.items()}

    def songs(self, condition: str) -> int:
        """Number of songs under a condition."""
        return int(self.audio_table["songs"][condition, "all", "model"])

    @cached_property
    def reported(self) -> "EvaluationResults":
        """Return the tables without the figures and intervals of too few songs."""
        tables: dict[str, Any] = {name: reportable(getattr(self, name)) for name in TABLES}
        return replace(self, **tables)

    @property
    def knobs_known(self) -> bool:
        """Whether the true knobs are known: those of before-and-after pairs are not."""
        return any(self.skill(condition, "songs") > 0 for condition in self.conditions)

    def markdown(self) -> str:
        """Verdicts and tables K and A with explanations."""
        return f"{self.notes()}{self.main_tables()}"

    def main_tables(self) -> str:
        """Tables K and A with explanations."""
        shown = self.reported
        return self._mark(
            f"## Protocol K: knob skill\n{shown._skills()}\n"
            "## Protocol A: distance to the finished version\n"
            "Of the mixes, rendered with the applied knobs. closeness = 1 − d(mix) / d(rough), "
            "mid/side STFT at equal loudness; closer = share of songs that came closer.\n\n"
            f"{to_markdown(_all_genres(shown.audio_table))}\n"
        )

    def full_markdown(self) -> str:
        """Return `markdown()` followed by significance tests, protocol S, scores and genres."""
        shown = self.reported
        genres = shown.audio_table[shown.audio_table.index.get_level_values("genre") != "all"]
        return f"{self.markdown()}\n" + self._mark(
            "## Significance tests against each system\n"
            "gain: by how much the model's error is smaller, mean over songs, with its 95 % "
            "interval. p: two-sided p-value of a sign-flip test over songs; p_holm: adjusted for "
            "all tests of a condition (Holm), knob error and STFT distance together, the other "
            "distances together. beats: yes or worse where p_holm is below 0.05, else no.\n\n"
            f"{to_markdown(_readable(shown.significance), digits=3)}\n"
            "## Protocol S: standards\n"
            "Means, and the share of excerpts that meet each standard: delivery loudness "
            "(−14 LUFS), true-peak ceiling (−1 dBTP), crest, centroid against the finished "
            "version, RMS against the rough. Of the applied knobs: at_bounds, the share at "
            "an end of their range; spread, the standard deviation of a position over songs.\n\n"
            f"{to_markdown(_all_genres(shown.standards))}\n"
            "Share of the five named bands in the total power, dB, and their errors:\n\n"
            f"{to_markdown(_all_genres(shown.bands), digits=1)}\n"
            "## Scores\n"
            "From 0 to 1 against the finished version at equal loudness, 1 = equal to the finished "
            "version: a summary (docs/metrics.md).\n\n"
            f"{to_markdown(shown.scores)}\n"
            "## Protocol A by genre\n\n"
            f"{to_markdown(genres)}"
        )

    def write(self, folder: Path) -> None:
        """Write the CSV files, tables.md and plots; skipped.csv if songs were skipped."""
        folder.mkdir(parents=True, exist_ok=True)
        shown = self.reported
        flat = shown.knob_table.set_axis([" ".join(c) for c in shown.knob_table.columns], axis=1)
        tables = {
            "records": self.records.set_index("song_id"),
            "knobs": flat,
            "headline": shown.headline,
            "audio": shown.audio_table,
            "standards": shown.standards,
            "bands": shown.bands,
            "scores": shown.scores,
            "versus": shown.significance,
            "songs": songs_table(self.records, DISTANCES).set_index("condition"),
        }
        for name, table in tables.items():
            marked = table.assign(**{SEEN_COLUMN: True}) if self.holdout.is_marked else table
            marked.to_csv(folder / f"{name}.csv")
        (folder / "tables.md").write_text(self.full_markdown(), encoding="utf-8")
        plot_skill(shown.knob_table, self.holdout.mark("Knob skill")).savefig(
            folder / "knob_skill.png"
        )
        plot_closeness(
            shown.audio_table, self.holdout.mark("Closeness to the finished version")
        ).savefig(folder / "closeness.png")
        if len(self.skipped):
            self.skipped.to_csv(folder / "skipped.csv", index=False)

    def notes(self) -> str:
        """Songs left out, verdicts, missing systems and skipped songs, as a list."""
        lines = self.holdout.notes()
        lines += verdicts(self.significance) if len(self.significance) else []
        lines += [f"not evaluated: `{name}` ({reason})" for name, reason in self.missing.items()]
        if len(self.skipped):
            lines.append(f"skipped songs: {len(self.skipped)} (skipped.csv)")
        return "".join(f"- {line}\n" for line in lines) + ("\n" if lines else "")

    def _mark(self, text: str) -> str:
        """Mark each heading if songs that were seen in training are evaluated."""
        return mark_headings(text) if self.holdout.is_marked else text

    def _skills(self) -> str:
        if not self.knobs_known:
            return "The true knobs of these songs are unknown: another engineer mixed them.\n"
        all_systems = f"All systems, headline knobs:\n\n{to_markdown(self.headline)}\n"
        return (
            "1 − MAE / MAE of `mean_knobs`, 95 % interval over songs, of the predicted knobs. Rows "
            "`…, applied`: of the knobs that the mix is rendered with, after shrinkage by "
            "uncertainty. n: songs on which the knob "
            f"counts; no figure below {MIN_SONGS}, no interval below {MIN_SONGS_FOR_INTERVAL}.\n\n"
            f"{all_systems if len(self.headline) else ''}The model, per knob, predicted:\n\n"
            f"{to_markdown(self._by_condition('skill'))}\n"
            f"MAE as a share of the knob's range:\n\n{to_markdown(self._by_condition('mae'))}\n"
        )

    def _by_condition(self, number: str) -> pd.DataFrame:
        """One column of protocol K, its interval and number of songs, by condition."""
        columns = {
            condition + end: self.knob_table[condition, number + end]
            for condition in self.conditions
            for end in ("", LOW, HIGH)
            if (condition, number + end) in self.knob_table
        }
        counts = {name + SONGS: self.knob_table[name, "songs"] for name in self.conditions}
        return pd.DataFrame(columns | counts)


def build_results(
    records: pd.DataFrame,
    skipped: pd.DataFrame,
    missing: Mapping[str, str],
    holdout: HoldoutSongs = NO_SONGS,
) -> EvaluationResults:
    """Compute all tables from records."""
    return EvaluationResults(
        records,
        knob_table=table_k(records),
        audio_table=table_a(records),
        headline=pd.concat([table_headline(records), table_applied(records)]),
        standards=table_s(records),
        bands=table_bands(records),
        scores=table_scores(records),
        significance=significance_table(records),
        skipped=skipped,
        missing=missing,
        holdout=holdout,
    )


def _all_genres(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of all genres together."""
    return table[table.index.get_level_values("genre") == "all"].droplevel("genre")


def _readable(significance: pd.DataFrame) -> pd.DataFrame:
    """Format p-values; small ones as "< 0.001"."""
    formatted = {name: [_p_value(p) for p in significance[name]] for name in ("p", "p_holm")}
    return significance.assign(**formatted)


def _p_value(p: float) -> str:
    if math.isnan(p):
        return "–"
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"
