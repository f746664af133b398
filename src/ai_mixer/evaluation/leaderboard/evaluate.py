"""Evaluate leaderboard entries: on each fold's test songs, each entry's model of that fold.

Baselines are fitted for every fold.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.core.types import CONDITIONS, Condition
from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.baselines.refined import RefinedModel
from ai_mixer.evaluation.baselines.registry import prepare_systems
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.evaluation.evaluator import evaluate_systems
from ai_mixer.evaluation.holdout_filter import HoldoutSongs, holdout_songs
from ai_mixer.evaluation.knob_predictions import evaluate_knob_predictions
from ai_mixer.evaluation.leaderboard.entries import LeaderboardEntry
from ai_mixer.inference.predictor import Predictor
from ai_mixer.training.builders import build_evaluation_datamodule

REFINED_SUFFIX = ", refined"  # appended to an entry's title
KNOB_BASELINES = ("mean_knobs", "ridge", "trees")
SOUND_BASELINES = ("rough", "loudness_only", "mean_knobs", "spectrum_match")
# Not `paired`: where the knobs are unknown, a user does not have the finished version either.
SOUND_CONDITIONS: tuple[Condition, ...] = ("blind", "reference")


class EvaluationSettings(NamedTuple):
    """Settings of the evaluation.

    excerpts_per_song: excerpts of each recording. examples: training examples of the baselines.
    refined_entries: titles of entries that are also evaluated with refinement (first seed only).
    allow_seen: also evaluate on songs that a model of the fold has seen in training.
    """

    excerpts_per_song: int = 1
    examples: int = 960
    seed: int = 0
    refined_entries: tuple[str, ...] = ()
    allow_seen: bool = False


class LeaderboardRecords(NamedTuple):
    """Records of all folds: on roughs of our console, and on roughs of another processor.

    holdout: per fold and table, the songs that were left out.
    """

    knob_records: pd.DataFrame
    sound_records: pd.DataFrame
    holdout: Mapping[str, HoldoutSongs]


def evaluate_entries(
    rows: Sequence[LeaderboardEntry],
    folds: Sequence[str],
    evaluation_settings: EvaluationSettings,
    roughs: DictConfig | None = None,
) -> LeaderboardRecords:
    """Evaluate every fold's models on the songs held out from them.

    roughs: a data config of before-and-after pairs of the same songs (`make roughs split=all`);
    without it `sound_records` is empty.
    """
    knob_records: list[pd.DataFrame] = []
    sound_records: list[pd.DataFrame] = []
    holdout: dict[str, HoldoutSongs] = {}
    for fold in folds:
        predictors = _fold_predictors(rows, fold)
        truth = next(iter(predictors.values()))
        models = _fold_systems(predictors, truth, evaluation_settings.refined_entries)
        loader = {
            "held_out_per_song": evaluation_settings.excerpts_per_song,
            "seed": evaluation_settings.seed,
        }
        own = build_evaluation_datamodule(truth.config, truth.console, None, "reference", **loader)
        songs = own.dataset("test")
        by_name = {name: predictor for (_, name), predictor in predictors.items()}
        allow_seen = evaluation_settings.allow_seen
        kept = holdout_songs(
            songs.songs,
            by_name,
            own.metadata_cache,
            own_test=next(iter(by_name)),
            allow_seen=allow_seen,
        )
        songs.songs, holdout[f"fold {fold}"] = kept.songs, kept
        systems = {**_baselines(KNOB_BASELINES, truth, evaluation_settings), **models}
        title = f"fold {fold}: knobs"
        knob_records.append(
            evaluate_knob_predictions(systems, CONDITIONS, truth.console, songs, title)
        )
        if roughs is None:
            continue
        pairs = build_evaluation_datamodule(
            truth.config, truth.console, roughs, "reference", **loader
        )
        test_songs = {song.song for song in songs.songs}
        pair_songs = pairs.dataset("test")
        # The fold decides which songs are tested, not the split in the manifest of the pairs.
        tested = [song for song in pairs.source.songs() if song.song in test_songs]
        kept = holdout_songs(tested, by_name, pairs.metadata_cache, allow_seen=allow_seen)
        pair_songs.songs, holdout[f"fold {fold}, other roughs"] = kept.songs, kept
        systems = {**_baselines(SOUND_BASELINES, truth, evaluation_settings), **models}
        title = f"fold {fold}: another processor's roughs"
        sound_records.append(
            evaluate_systems(systems, SOUND_CONDITIONS, truth.console, pair_songs, title)[0]
        )
    return LeaderboardRecords(
        _merge_folds_and_seeds(knob_records, rows),
        _merge_folds_and_seeds(sound_records, rows),
        holdout,
    )


def _fold_predictors(
    rows: Sequence[LeaderboardEntry], fold: str
) -> dict[tuple[str, str], Predictor]:
    """(title of the entry, title and seed) → predictor of a fold."""
    return {
        (row.title, name): predictor
        for row in rows
        for name, predictor in row.predictors(fold).items()
    }


def _fold_systems(
    predictors: Mapping[tuple[str, str], Predictor], truth: Predictor, refined: Sequence[str]
) -> dict[str, ComparedSystem]:
    """The models of a fold. truth: the predictor whose console the true knobs belong to."""
    models: dict[str, ComparedSystem] = {
        name: CrossConsoleSystem(ModelSystem(predictor), truth)
        for (_, name), predictor in predictors.items()
    }
    first = {
        title: (name, predictor) for (title, name), predictor in reversed([*predictors.items()])
    }
    for title in refined:
        if title in first:  # one seed only: refinement takes longer than everything else
            name, predictor = first[title]
            models[name + REFINED_SUFFIX] = CrossConsoleSystem(RefinedModel(predictor), truth)
    return models


def _baselines(
    names: Sequence[str], truth: Predictor, evaluation_settings: EvaluationSettings
) -> dict[str, ComparedSystem]:
    ready, missing = prepare_systems(
        names, truth, n_training_examples=evaluation_settings.examples, fitted_excerpts=0
    )
    if missing:
        raise ValueError("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    return ready


def _merge_folds_and_seeds(
    records: Sequence[pd.DataFrame], rows: Sequence[LeaderboardEntry]
) -> pd.DataFrame:
    """Concatenate folds; average over the seeds of an entry, excerpt by excerpt."""
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
