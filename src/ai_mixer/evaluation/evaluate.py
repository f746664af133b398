"""Evaluate a model and the baselines on held-out songs.

Protocols K (knob skill) and A (distance to the finished version), per condition. Every excerpt is
drawn once and passed to every system under every condition.
"""

from collections.abc import Sequence
from typing import Literal

from omegaconf import DictConfig

from ai_mixer.core.types import Condition, Split
from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.baselines.registry import (
    DEFAULT_SYSTEMS,
    prepare_systems,
    resolve_system_names,
)
from ai_mixer.evaluation.conditions import resolve_conditions
from ai_mixer.evaluation.evaluator import evaluate_systems
from ai_mixer.evaluation.holdout_filter import holdout_songs
from ai_mixer.evaluation.results import EvaluationResults, build_results
from ai_mixer.inference.predictor import Predictor
from ai_mixer.metrics.scores import scores
from ai_mixer.metrics.speech import speech_measures, speech_scores
from ai_mixer.training.builders import build_evaluation_datamodule


def evaluate(
    predictor: Predictor,
    *,
    data: DictConfig | None = None,
    split: Split = "test",
    excerpts_per_song: int = 4,
    excerpt: float | str | None = None,
    condition: Condition | Literal["all"] = "all",
    systems: str | Sequence[str] = DEFAULT_SYSTEMS,
    compare_run: Predictor | None = None,
    examples: int = 480,
    fitted_excerpts: int = 8,
    speech: bool = False,
    allow_seen: bool = False,
    seed: int = 0,
) -> EvaluationResults:
    """Evaluate a model on the songs of a split. Deterministic for a given seed.

    data: a composed data config; None for the run's own songs. excerpt: length in seconds, "full"
    for whole songs, None for the run's own length. systems: names of `baselines.registry`, or
    "all". compare_run: the model of another run, evaluated on the same excerpts. examples: number
    of training excerpts that `ridge` and `trees` are fitted to. fitted_excerpts: number of excerpts
    on which the costly `fitted` is evaluated. speech: compute PESQ and STOI as well. allow_seen:
    also evaluate on songs that a model has seen in training, and mark the results; without it they
    are left out. ValueError (one line) for invalid arguments, or if no song is left.
    """
    names = resolve_system_names(systems)
    if speech:
        speech_measures()  # raise for missing packages before the regressions are fitted
    length = {} if excerpt is None else {"excerpt_s": excerpt}
    loader = {"held_out_per_song": excerpts_per_song, "seed": seed, **length}
    datamodule = build_evaluation_datamodule(
        predictor.config, predictor.console, data, "reference", **loader
    )
    dataset = datamodule.dataset(split)
    models = {"model": predictor} | ({} if compare_run is None else {"compare_run": compare_run})
    holdout = holdout_songs(
        dataset.songs,
        models,
        datamodule.metadata_cache,
        own_test="model" if data is None and split == "test" else None,
        allow_seen=allow_seen,
    )
    dataset.songs = holdout.songs
    conditions = resolve_conditions(condition, dataset.songs, dataset.excerpt_s)
    compared, missing = prepare_systems(
        names, predictor, n_training_examples=examples, fitted_excerpts=fitted_excerpts
    )
    if compare_run is not None:
        compared["compare_run"] = CrossConsoleSystem(ModelSystem(compare_run), predictor)
    records, skipped = evaluate_systems(
        {**compared, "model": ModelSystem(predictor)},
        conditions,
        predictor.console,
        dataset,
        holdout.mark(f"evaluating on {split} songs"),
        (scores, speech_scores) if speech else (scores,),
    )
    return build_results(records, skipped, missing, holdout)
