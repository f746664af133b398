"""Results of an evaluation: records, tables, and their Markdown and CSV files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ai_mixer.evaluation.holdout_filter import SEEN_COLUMN, HoldoutSongs, mark_headings
from ai_mixer.evaluation.plots import plot_closeness
from ai_mixer.evaluation.significance import significance_table, songs_table, verdicts
from ai_mixer.metrics.plots import plot_skill
from ai_mixer.metrics.standards_table import table_bands, table_s, table_scores
from ai_mixer.metrics.tables import DISTANCES, table_a, table_headline, table_k, to_markdown

SKILL_COLUMNS = ("skill", "skill_low", "skill_high", "mae")
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
        """Value in the headline row of protocol K: skill, skill_low, skill_high or mae."""
        return float(self.knob_table[condition, number]["headline"])

    def closeness(self, condition: str) -> float:
        """Closeness of the model's mixes (protocol A): 1 − d(mix) / d(rough)."""
        return float(self.audio_table["closeness"][condition, "all", "model"])

    def metrics(self, prefix: str = "test/") -> dict[str, float]:
        """Headline metrics per condition, for logging."""
        metrics = {}
        for condition in self.conditions:
            for number in SKILL_COLUMNS:
                metrics[f"{prefix}{number}_{condition}"] = self.skill(condition, number)
            metrics[f"{prefix}closeness_{condition}"] = self.closeness(condition)
        return {**metrics, f"{prefix}skipped_songs": float(len(self.skipped))}

    @property
    def knobs_known(self) -> bool:
        """Whether the true knobs are known: those of before-and-after pairs are not."""
        return not all(math.isnan(self.skill(condition)) for condition in self.conditions)

    def markdown(self) -> str:
        """Verdicts and tables K and A with explanations, for a run's description."""
        return self._mark(
            f"{self._notes()}"
            f"## Protocol K: knob skill\n{self._skills()}\n"
            "## Protocol A: distance to the finished version\n"
            "closeness = 1 − d(mix) / d(rough), mid/side STFT at equal loudness; closer = share of "
            "songs that came closer.\n\n"
            f"{to_markdown(_all_genres(self.audio_table))}\n"
        )

    def full_markdown(self) -> str:
        """Return `markdown()` followed by significance tests, protocol S, scores and genres."""
        genres = self.audio_table[self.audio_table.index.get_level_values("genre") != "all"]
        return f"{self.markdown()}\n" + self._mark(
            "## Significance tests against each system\n"
            "gain: by how much the model's error is smaller, mean over songs, with its 95 % "
            "interval. p: two-sided p-value of a sign-flip test over songs; p_holm: adjusted for "
            "all tests of a condition (Holm). beats: yes or worse where p_holm is below 0.05, "
            "else no.\n\n"
            f"{to_markdown(_readable(self.significance), digits=3)}\n"
            "## Protocol S: standards\n"
            "Means, and the share of excerpts that meet each standard: delivery loudness "
            "(−14 LUFS), true-peak ceiling (−1 dBTP), crest, centroid against the finished "
            "version, RMS against the rough. at_bounds: share of knobs at an end of their range; "
            "spread: standard deviation of a knob's position over songs.\n\n"
            f"{to_markdown(_all_genres(self.standards))}\n"
            "Share of the five named bands in the total power, dB, and their errors:\n\n"
            f"{to_markdown(_all_genres(self.bands), digits=1)}\n"
            "## Scores\n"
            "From 0 to 1 against the finished version at equal loudness, 1 = equal to the finished "
            "version: a summary (docs/metrics.md).\n\n"
            f"{to_markdown(self.scores)}\n"
            "## Protocol A by genre\n\n"
            f"{to_markdown(genres)}"
        )

    def write(self, folder: Path) -> None:
        """Write the CSV files, tables.md and plots; skipped.csv if songs were skipped."""
        folder.mkdir(parents=True, exist_ok=True)
        flat = self.knob_table.set_axis([" ".join(c) for c in self.knob_table.columns], axis=1)
        tables = {
            "records": self.records.set_index("song_id"),
            "knobs": flat,
            "headline": self.headline,
            "audio": self.audio_table,
            "standards": self.standards,
            "bands": self.bands,
            "scores": self.scores,
            "versus": self.significance,
            "songs": songs_table(self.records, DISTANCES).set_index("condition"),
        }
        for name, table in tables.items():
            marked = table.assign(**{SEEN_COLUMN: True}) if self.holdout.is_marked else table
            marked.to_csv(folder / f"{name}.csv")
        (folder / "tables.md").write_text(self.full_markdown(), encoding="utf-8")
        plot_skill(self.knob_table, self.holdout.mark("Knob skill")).savefig(
            folder / "knob_skill.png"
        )
        plot_closeness(
            self.audio_table, self.holdout.mark("Closeness to the finished version")
        ).savefig(folder / "closeness.png")
        if len(self.skipped):
            self.skipped.to_csv(folder / "skipped.csv", index=False)

    def _notes(self) -> str:
        """Verdicts, missing systems and skipped songs, as a list above the tables."""
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
        songs = self.knob_table[self.conditions[0], "songs"]
        errors = self._by_condition("mae").assign(songs=songs)
        all_systems = f"All systems, headline knobs:\n\n{to_markdown(self.headline)}\n"
        return (
            "1 − MAE / MAE of `mean_knobs`, 95 % interval over songs.\n\n"
            f"{all_systems if len(self.headline) else ''}The model, per knob:\n\n"
            f"{to_markdown(self._by_condition('skill'))}\n"
            "MAE as a share of the knob's range, and the songs on which the knob counts:\n\n"
            f"{to_markdown(errors)}\n"
        )

    def _by_condition(self, number: str) -> pd.DataFrame:
        """One column of protocol K and its interval, by condition."""
        columns = {
            condition + end: self.knob_table[condition, number + end]
            for condition in self.conditions
            for end in ("", "_low", "_high")
            if (condition, number + end) in self.knob_table
        }
        return pd.DataFrame(columns)


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
        headline=table_headline(records),
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
    formatted = {
        name: [f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in significance[name]]
        for name in ("p", "p_holm")
    }
    return significance.assign(**formatted)
