"""Evaluate a model on held-out songs, next to the baselines.

Protocols K (knob skill) and A (distance to the finished version), per condition. Every excerpt is
drawn once and given to every system under every condition.
"""

from collections.abc import Sequence

from omegaconf import DictConfig

from ai_mixer.evaluation.baselines.model import CrossConsoleSystem, ModelSystem
from ai_mixer.evaluation.baselines.registry import (
    DEFAULT_SYSTEMS,
    prepare_systems,
    resolve_system_names,
)
from ai_mixer.evaluation.conditions import resolve_conditions
from ai_mixer.evaluation.evaluator import evaluate_systems
from ai_mixer.evaluation.results import EvaluationResults, build_results
from ai_mixer.inference.predictor import Predictor
from ai_mixer.metrics.scores import scores
from ai_mixer.metrics.speech import speech_measures, speech_scores
from ai_mixer.training.builders import build_evaluation_datamodule


def evaluate(
    mixer: Predictor,
    *,
    data: DictConfig | None = None,
    split: str = "test",
    excerpts_per_song: int = 4,
    excerpt: float | str | None = None,
    condition: str = "all",
    systems: str | Sequence[str] = DEFAULT_SYSTEMS,
    compare_run: Predictor | None = None,
    examples: int = 480,
    fitted_excerpts: int = 8,
    speech: bool = False,
    seed: int = 0,
) -> EvaluationResults:
    """Judge a model on the songs of a split. Twice gives the same numbers.

    data: a composed data config, None for the songs of the run itself. excerpt: seconds, or "full"
    for whole songs; None for the run's own length. systems: whom to compare with (see
    `baselines.menu`; "all"); compare_run: another run's model, judged on the same excerpts.
    examples: training excerpts that ridge and trees learn from; fitted_excerpts: on how many
    excerpts the costly `fitted` is asked; speech: PESQ and STOI as well. ValueError in one line for
    what does not fit.
    """
    names = resolve_system_names(systems)
    if speech:
        speech_measures()  # what is missing is said now, not after the regressions
    length = {} if excerpt is None else {"excerpt_s": excerpt}
    loader = {"held_out_per_song": excerpts_per_song, "seed": seed, **length}
    dataset = build_evaluation_datamodule(
        mixer.config, mixer.console, data, "reference", **loader
    ).dataset(split)
    conditions = resolve_conditions(condition, dataset.songs, dataset.excerpt_s)
    rivals, missing = prepare_systems(
        names, mixer, examples=examples, fitted_excerpts=fitted_excerpts
    )
    if compare_run is not None:
        rivals["champion"] = CrossConsoleSystem(ModelSystem(compare_run), mixer)
    asked, title = {**rivals, "model": ModelSystem(mixer)}, f"evaluating on {split} songs"
    said = (scores, speech_scores) if speech else (scores,)
    records, skipped = evaluate_systems(asked, conditions, mixer.console, dataset, title, said)
    return build_results(records, skipped, missing)
