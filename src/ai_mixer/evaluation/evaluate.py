"""Evaluate a model on held-out songs, next to the baselines.

Protocols K (knob skill) and A (distance to the finished version), per condition. Every excerpt is
drawn once and given to every system under every condition.
"""

from collections.abc import Sequence

from omegaconf import DictConfig

from ai_mixer.evaluation.baselines.model import Guest, Model
from ai_mixer.evaluation.baselines.registry import CHEAP, choose, take_part
from ai_mixer.evaluation.conditions import conditions_for
from ai_mixer.evaluation.evaluator import judged
from ai_mixer.evaluation.results import Evaluation, evaluation_of
from ai_mixer.inference.predictor import Mixer
from ai_mixer.metrics.scores import scores
from ai_mixer.metrics.speech import speech_measures, speech_scores
from ai_mixer.training.builders import held_out


def evaluate(
    mixer: Mixer,
    *,
    data: DictConfig | None = None,
    split: str = "test",
    excerpts_per_song: int = 4,
    excerpt: float | str | None = None,
    condition: str = "all",
    systems: str | Sequence[str] = CHEAP,
    champion: Mixer | None = None,
    examples: int = 480,
    fitted_excerpts: int = 8,
    speech: bool = False,
    seed: int = 0,
) -> Evaluation:
    """Judge a model on the songs of a split. Twice gives the same numbers.

    data: a composed data config, None for the songs of the run itself. excerpt: seconds, or "full"
    for whole songs; None for the run's own length. systems: whom to compare with (see
    `baselines.menu`; "all"); champion: another run's model, judged on the same excerpts.
    examples: training excerpts that ridge and trees learn from; fitted_excerpts: on how many
    excerpts the costly `fitted` is asked; speech: PESQ and STOI as well. ValueError in one line for
    what does not fit.
    """
    names = choose(systems)
    if speech:
        speech_measures()  # what is missing is said now, not after the regressions
    length = {} if excerpt is None else {"excerpt_s": excerpt}
    loader = {"held_out_per_song": excerpts_per_song, "seed": seed, **length}
    dataset = held_out(mixer.config, mixer.console, data, "reference", **loader).dataset(split)
    conditions = conditions_for(condition, dataset.songs, dataset.excerpt_s)
    rivals, missing = take_part(names, mixer, examples=examples, fitted_excerpts=fitted_excerpts)
    if champion is not None:
        rivals["champion"] = Guest(Model(champion), mixer)
    asked, title = {**rivals, "model": Model(mixer)}, f"evaluating on {split} songs"
    said = (scores, speech_scores) if speech else (scores,)
    records, skipped = judged(asked, conditions, mixer.console, dataset, title, said)
    return evaluation_of(records, skipped, missing)
