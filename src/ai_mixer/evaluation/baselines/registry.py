"""Which systems there are besides the model, by name."""

from collections.abc import Callable, Mapping, Sequence

from ai_mixer.evaluation.baselines.identity import Identity
from ai_mixer.evaluation.baselines.loudness_only import LoudnessOnly
from ai_mixer.evaluation.baselines.matching import MatcheringBaseline
from ai_mixer.evaluation.baselines.mean_knobs import MeanKnobs
from ai_mixer.evaluation.baselines.oracle_fit import OracleFit
from ai_mixer.evaluation.baselines.refined import RefinedModel
from ai_mixer.evaluation.baselines.ridge import Ridge
from ai_mixer.evaluation.baselines.spectrum_match import SpectrumMatch
from ai_mixer.evaluation.baselines.system import ComparedSystem
from ai_mixer.evaluation.baselines.training_set import TrainingSet
from ai_mixer.evaluation.baselines.trees import Trees
from ai_mixer.evaluation.baselines.true_knobs import TrueKnobs
from ai_mixer.inference.predictor import Predictor

REQUIRED_SYSTEMS = ("rough", "mean_knobs")  # closeness and skill are measured from these
DEFAULT_SYSTEMS = ("rough", "loudness_only", "mean_knobs", "true_knobs")
ALL = "all"

SystemFactory = Callable[[Predictor, TrainingSet, int], ComparedSystem]
"""(model's mixer, what ridge and trees learn from, how many excerpts `fitted` is asked for)"""

REGISTRY: Mapping[str, SystemFactory] = {
    "rough": lambda *_: Identity(),
    "loudness_only": lambda *_: LoudnessOnly(),
    "mean_knobs": lambda predictor, *_: MeanKnobs(predictor),
    "ridge": lambda predictor, examples, _: Ridge(predictor, examples),
    "trees": lambda predictor, examples, _: Trees(predictor, examples),
    "spectrum_match": lambda *_: SpectrumMatch(),
    "matching": lambda *_: MatcheringBaseline(),
    "refined": lambda predictor, *_: RefinedModel(predictor),
    "fitted": lambda predictor, _, max_excerpts: OracleFit(predictor, max_excerpts),
    "true_knobs": lambda predictor, *_: TrueKnobs(predictor),
}
SYSTEM_NAMES = tuple(REGISTRY)


def resolve_system_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """The names asked for, and those nobody can do without. ValueError if one is unknown."""
    asked = (
        list(SYSTEM_NAMES) if names == ALL else [names] if isinstance(names, str) else list(names)
    )
    for name in asked:
        if name not in SYSTEM_NAMES:
            raise ValueError(f"systems: {name!r} is none of {', '.join(SYSTEM_NAMES)}, or all")
    return tuple(name for name in SYSTEM_NAMES if name in {*REQUIRED_SYSTEMS, *asked})


def prepare_systems(
    names: Sequence[str], predictor: Predictor, *, examples: int, fitted_excerpts: int
) -> tuple[dict[str, ComparedSystem], dict[str, str]]:
    """The systems, ready; and those that cannot take part here, with the reason.

    examples: training excerpts that ridge and trees learn from; fitted_excerpts: how many excerpts
    `fitted` is asked for.
    """
    learned = TrainingSet(predictor, examples)
    ready, missing = {}, {}
    for name in names:
        system = REGISTRY[name](predictor, learned, fitted_excerpts)
        try:
            system.prepare()
        except (ValueError, OSError) as error:
            missing[name] = " ".join(str(error).split())
        else:
            ready[name] = system
    return ready, missing
