"""The exam: on each fold's test songs every row's model of that fold, beside floors fitted anew."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.core.types import CONDITIONS
from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.baselines.refined import RefinedModel
from ai_mixer.evaluation.baselines.registry import prepare_systems
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.evaluation.evaluator import evaluate_systems
from ai_mixer.evaluation.knob_predictions import evaluate_knob_predictions
from ai_mixer.evaluation.leaderboard.entries import LeaderboardEntry
from ai_mixer.inference.predictor import Predictor
from ai_mixer.training.builders import build_evaluation_datamodule

REFINED_SUFFIX = ", refined"  # behind a row's title
KNOB_BASELINES = ("mean_knobs", "ridge", "trees")  # of the knobs
SOUND_BASELINES = ("rough", "loudness_only", "mean_knobs", "spectrum_match")  # of the sound
SOUND_CONDITIONS = (
    "blind",
    "reference",
)  # where nobody knows the knobs, nobody has the finished version


class EvaluationSettings(NamedTuple):
    """What is asked: excerpts of each recording, and for the floors examples of other songs.

    refined: titles of the rows whose answers are judged refined, too; of several seeds the first.
    """

    excerpts_per_song: int = 1
    examples: int = 960
    seed: int = 0
    refined: tuple[str, ...] = ()


class LeaderboardRecords(NamedTuple):
    """Records of all folds: on roughs of our own console, and on those of another processor."""

    knobs: pd.DataFrame
    sound: pd.DataFrame


def evaluate_entries(
    rows: Sequence[LeaderboardEntry],
    folds: Sequence[str],
    evaluation_settings: EvaluationSettings,
    roughs: DictConfig | None = None,
) -> LeaderboardRecords:
    """Every fold's songs by the models that never met them.

    roughs: a data config of before-and-after pairs of the same songs (`make roughs split=all`);
    without it there are no records of sound.
    """
    leaderboard_records: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for fold in folds:
        truth, models = _fold_systems(rows, fold, evaluation_settings.refined)
        loader = {
            "held_out_per_song": evaluation_settings.excerpts_per_song,
            "seed": evaluation_settings.seed,
        }
        songs = build_evaluation_datamodule(
            truth.config, truth.console, None, "reference", **loader
        ).dataset("test")
        floors = _baselines(KNOB_BASELINES, truth, evaluation_settings)
        asked = {**floors, **models}
        title = f"fold {fold}: knobs"
        leaderboard_records[0].append(
            evaluate_knob_predictions(asked, CONDITIONS, truth.console, songs, title)
        )
        if roughs is None:
            continue
        pairs = build_evaluation_datamodule(
            truth.config, truth.console, roughs, "reference", **loader
        )
        known = {song.song for song in songs.songs}
        theirs = pairs.dataset("test")
        # Whatever side their manifest puts them on: here the fold decides.
        theirs.songs = [song for song in pairs.source.songs() if song.song in known]
        asked = {**_baselines(SOUND_BASELINES, truth, evaluation_settings), **models}
        title = f"fold {fold}: another processor's roughs"
        leaderboard_records[1].append(
            evaluate_systems(asked, SOUND_CONDITIONS, truth.console, theirs, title)[0]
        )
    return LeaderboardRecords(
        *(_merge_folds_and_seeds(records, rows) for records in leaderboard_records)
    )


def _fold_systems(
    rows: Sequence[LeaderboardEntry], fold: str, refined: Sequence[str]
) -> tuple[Predictor, dict[str, ComparedSystem]]:
    """Whose knobs are the truth's, and who takes part."""
    predictors = {
        (row.title, name): one for row in rows for name, one in row.predictors(fold).items()
    }
    truth = next(iter(predictors.values()))
    models: dict[str, ComparedSystem] = {
        name: CrossConsoleSystem(ModelSystem(m), truth) for (_, name), m in predictors.items()
    }
    first = {title: (name, mixer) for (title, name), mixer in reversed(predictors.items())}
    for title in refined:
        if title in first:  # one seed of it: refining costs more than all else together
            name, mixer = first[title]
            models[name + REFINED_SUFFIX] = CrossConsoleSystem(RefinedModel(mixer), truth)
    return truth, models


def _baselines(
    names: Sequence[str], truth: Predictor, evaluation_settings: EvaluationSettings
) -> dict[str, ComparedSystem]:
    ready, missing = prepare_systems(
        names, truth, examples=evaluation_settings.examples, fitted_excerpts=0
    )
    if missing:
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    return ready


def _merge_folds_and_seeds(
    records: Sequence[pd.DataFrame], rows: Sequence[LeaderboardEntry]
) -> pd.DataFrame:
    """All folds; of a row with several seeds the mean over its seeds, excerpt by excerpt."""
    if not records:
        return pd.DataFrame()
    table = pd.concat(records, ignore_index=True)
    titles = {
        f"{row.title} {seed}{end}": row.title + end
        for row in rows
        for seed in row.seeds
        for end in ("", REFINED_SUFFIX)
    }
    table["take"] = table.groupby(["condition", "system", "song_id"]).cumcount()
    table["system"] = table["system"].map(lambda name: titles.get(name, name))
    key = ["song_id", "take", "genre", "condition", "system"]
    return table.groupby(key, sort=False).mean().reset_index().drop(columns="take")
