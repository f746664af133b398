"""Results of an evaluation of several tracks: tables of knobs, levels and sound."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ai_mixer.core.metric_names import result_name
from ai_mixer.evaluation.holdout_filter import HoldoutSongs, mark_headings
from ai_mixer.metrics.knob_skill import skill as knob_skill
from ai_mixer.metrics.statistics import (
    Estimate,
    bootstrap_means,
    difference_estimate,
    mean_estimate,
    nan_mean,
    song_means,
)
from ai_mixer.metrics.tables import to_markdown
from ai_mixer.metrics.track_skill import headline_track_knobs
from ai_mixer.utils.markdown import HIGH, LOW

PREFIX = "error/"
BASELINE, NEUTRAL = "mean_knobs", "equal_loudness"
COMPARED = (NEUTRAL, BASELINE, "mean_by_genre", "nearest_neighbour", "ridge")
ERRORS_OF_MODEL = ("fader_db", "pan", "eq_db")
TRACK_COUNTS = (0, 4, 8, 12, 64)
MIN_ROWS = 5  # tracks of a role, for a figure


@dataclass(frozen=True)
class TrackResults:
    """records: see `track_evaluate`; one row per track, or with track −1 per song.

    max_tracks: most tracks of a training example of the model, None if not known.
    """

    records: pd.DataFrame
    holdout: HoldoutSongs
    max_tracks: int | None = None

    @property
    def conditions(self) -> list[str]:
        """Conditions under which the model was evaluated."""
        return list(dict.fromkeys(self.records["condition"]))

    @property
    def systems(self) -> list[str]:
        """Systems that were evaluated."""
        return list(dict.fromkeys(self.records["system"]))

    @cached_property
    def headline(self) -> pd.DataFrame:
        """Mean skill over the headline knobs, with its interval. Index: system."""
        rows = {}
        for system in self.systems:
            row: dict[str, Any] = {}
            for condition in self.conditions:
                estimate = self.skill(system, condition, self.headline_knobs())
                row |= _columns(condition, estimate)
            rows[system] = row
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("system")

    @cached_property
    def knobs(self) -> pd.DataFrame:
        """Skill of the model by knob. Index: knob; a column per condition."""
        names = [str(name).removeprefix(PREFIX) for name in self.records if PREFIX in str(name)]
        known = [name for name in names if self.records[PREFIX + name].notna().any()]
        order = sorted(known, key=lambda name: name not in self.headline_knobs())
        rows = {
            name: {c: self.skill("model", c, [name]).value for c in self.conditions}
            for name in order
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("knob")

    @cached_property
    def levels(self) -> pd.DataFrame:
        """Errors of level and pan by system and condition, with the gain over equal loudness."""
        rows = {}
        for condition in self.conditions:
            for system in self.systems:
                own, neutral = self._tracks(system, condition), self._tracks(NEUTRAL, condition)
                songs = own["song_id"].to_numpy()
                values = {
                    "fader_db": mean_estimate(own["fader_db"].to_numpy(), songs),
                    "balance_db": mean_estimate(own["balance_db"].to_numpy(), songs),
                    "below_equal_loudness_db": difference_estimate(
                        neutral["balance_db"].to_numpy(), own["balance_db"].to_numpy(), songs
                    ),
                    "pan": mean_estimate(own["pan"].to_numpy(), songs),
                    "eq_db": mean_estimate(own["eq_db"].to_numpy(), songs),
                }
                row: dict[str, Any] = {}
                for name, estimate in values.items():
                    row |= _columns(name, estimate)
                rows[condition, system] = row
        index = pd.MultiIndex.from_tuples(list(rows), names=["condition", "system"])
        return pd.DataFrame(list(rows.values()), index=index)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """How much smaller the level errors of the model are. Index: condition, system."""
        rows = {}
        for condition in self.conditions:
            own = self._tracks("model", condition)
            songs = own["song_id"].to_numpy()
            for system in (name for name in COMPARED if name in self.systems):
                other = self._tracks(system, condition)
                row: dict[str, Any] = {}
                for name in ("balance_db", "fader_db"):
                    errors = other[name].to_numpy(), own[name].to_numpy()
                    row |= _columns(name, difference_estimate(*errors, songs))
                rows[condition, system] = row
        index = pd.MultiIndex.from_tuples(list(rows), names=["condition", "model below"])
        return pd.DataFrame(list(rows.values()), index=index)

    @cached_property
    def by_role(self) -> pd.DataFrame:
        """Balance error in dB by role of the main systems, other errors of the model.

        Index: condition, role.
        """
        return self._by("role")

    @cached_property
    def by_count(self) -> pd.DataFrame:
        """As `by_role`, by the number of tracks. Index: condition, tracks."""
        bins = pd.cut(self.records["tracks"], TRACK_COUNTS)
        counts = bins.map(lambda one: f"{int(one.left) + 1}–{int(one.right)}")
        return self._by("tracks", self._rows.assign(tracks=counts.astype(str)))

    @cached_property
    def sound(self) -> pd.DataFrame:
        """Distances to the finished version. Index: condition, system; empty if not measured."""
        songs = self.records[self.records["track"] < 0]
        names = [n for n in songs if n in ("stft", "spectrum_db") or str(n).startswith("features/")]
        if not names:
            return pd.DataFrame()
        songs = songs[songs[names].notna().any(axis=1)]
        means = songs.groupby(["condition", "system", "song_id"], sort=False)[names].mean()
        return means.groupby(["condition", "system"], sort=False).mean()

    def metrics(self, *prefix: str) -> dict[str, float]:
        """Headline metrics per condition, for logging. prefix: of the names, default `test`."""
        values: dict[str, float] = {}
        for condition in self.conditions:
            values[f"skill_{condition}"] = float(self.headline[condition]["model"])
            for name, column in {
                "fader_error_db": "fader_db",
                "balance_error_db": "balance_db",
                "pan_error": "pan",
            }.items():
                values[f"{name}_{condition}"] = float(self.levels[column][condition, "model"])
            if len(self.sound):
                values[f"stft_{condition}"] = float(self.sound["stft"][condition, "model"])
        values["songs"] = float(self.records["song_id"].nunique())
        return {
            result_name(*(prefix or ("test",)), name): value
            for name, value in values.items()
            if math.isfinite(value)
        }

    def summary(self) -> str:
        """Lines for the terminal."""
        lines = ["held-out songs: knob skill (0 = mean knobs by role, 1 = exact), balance error"]
        lines += [f"  {line}" for line in self.holdout.notes()]
        for condition in self.conditions:
            score, low, high = (
                float(self.headline[condition + end]["model"]) for end in ("", LOW, HIGH)
            )
            balance_db, pan = self.levels["balance_db"], self.levels["pan"]
            lines.append(
                f"  {condition:<10} skill {score:+.2f} [{low:+.2f}, {high:+.2f}], "
                f"balance {balance_db[condition, 'model']:.2f} dB "
                f"(equal loudness {balance_db[condition, NEUTRAL]:.2f}), "
                f"pan {pan[condition, 'model']:.2f}"
            )
        return "\n".join(lines)

    def description(self) -> str:
        """The first table: MLflow cuts descriptions of more than 8000 characters."""
        text = (
            "## Knob skill of all systems\n"
            "1 − MAE / MAE of the mean knobs by role, mean over the headline knobs; 95 % interval "
            f"over songs.\n\n{to_markdown(self.headline)}\n"
        )
        return mark_headings(text) if self.holdout.is_marked else text

    def markdown(self) -> str:
        """All tables with explanations."""
        text = (
            f"## Knob skill of the model\n\n{to_markdown(self.knobs)}\n"
            "## Level and pan\n"
            "fader_db: mean |Δ fader|. balance_db: the same without the mean difference of a song, "
            "which is the loudness of the mix; below_equal_loudness_db: how much smaller it is "
            "than with all tracks equally loud. pan: mean |Δ pan|, range −1 to 1. eq_db: mean "
            "|Δ dB| of the response of the EQ over thirds of an octave. no_roles, wrong_roles: the "
            "model without the roles of the tracks, and with wrong ones.\n\n"
            f"{to_markdown(self.levels)}\n"
            "## How much smaller the level errors of the model are, dB\n\n"
            f"{to_markdown(self.differences)}\n"
            "## Balance error by role, dB, and other errors of the model\n\n"
            f"{to_markdown(self.by_role)}\n"
            f"## The same by number of tracks\n\n{self._trained_with()}"
            f"{to_markdown(self.by_count)}\n"
        )
        if len(self.sound):
            text += (
                "## Distance to the finished version\n"
                "stft, spectrum_db: docs/metrics.md. features/…: Diff-MST's definitions and "
                f"weights.\n\n{to_markdown(self.sound, digits=3)}\n"
            )
        return self.description() + (mark_headings(text) if self.holdout.is_marked else text)

    def _trained_with(self) -> str:
        if self.max_tracks is None:
            return ""
        return f"The model was trained with at most {self.max_tracks} tracks.\n\n"

    def write(self, folder: Path) -> None:
        """Write the CSV files and tables.md."""
        folder.mkdir(parents=True, exist_ok=True)
        self.records.to_csv(folder / "records.csv", index=False)
        for name in ("headline", "knobs", "levels", "differences", "by_role", "by_count", "sound"):
            getattr(self, name).to_csv(folder / f"{name}.csv")
        (folder / "tables.md").write_text(self.markdown(), encoding="utf-8")

    def headline_knobs(self) -> list[str]:
        """Names of the knobs whose mean is the headline skill."""
        known = [str(n).removeprefix(PREFIX) for n in self.records if PREFIX in str(n)]
        return headline_track_knobs(
            [name for name in known if self.records[PREFIX + name].notna().any()]
        )

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """The records with the error of pan from −1 to 1."""
        return self.records.assign(pan=2.0 * self.records[PREFIX + "pan"])

    def _tracks(self, system: str, condition: str) -> pd.DataFrame:
        chosen = (self._rows["system"] == system) & (self._rows["condition"] == condition)
        return self._rows[chosen & (self._rows["track"] >= 0)]

    def skill(self, system: str, condition: str, knobs: list[str]) -> Estimate:
        """Mean over knobs of 1 − MAE / MAE of the mean knobs, with a bootstrap over songs."""
        chosen = self.records["condition"] == condition
        parts = []
        for name in (system, BASELINE):
            rows = self.records[chosen & (self.records["system"] == name)]
            errors = rows[[PREFIX + knob for knob in knobs]].to_numpy(float)
            parts.append(song_means(errors, rows["song_id"].to_numpy()))
        model, baseline = parts
        value = nan_mean(knob_skill(nan_mean(model), nan_mean(baseline)))
        draws = nan_mean(knob_skill(bootstrap_means(model), bootstrap_means(baseline)), 1)
        known = draws[~np.isnan(draws)]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (math.nan, math.nan)
        return Estimate(float(value), float(low), float(high), len(model))

    def _by(self, column: str, records: pd.DataFrame | None = None) -> pd.DataFrame:
        records = self._rows if records is None else records
        rows = records[records["track"] >= 0]
        table = rows.pivot_table(
            index=["condition", column], columns="system", values="balance_db",
            aggfunc="mean", sort=False,
        )  # fmt: skip
        model = rows[rows["system"] == "model"].groupby(["condition", column])
        table = table[[name for name in (*COMPARED, "model") if name in table]]
        table = table.join(model[list(ERRORS_OF_MODEL)].mean().add_prefix("model "))
        table = table.join(model.size().rename("tracks_measured"))
        return table[table["tracks_measured"] >= MIN_ROWS]


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, name + LOW: estimate.low, name + HIGH: estimate.high}
