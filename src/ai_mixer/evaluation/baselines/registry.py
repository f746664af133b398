"""Registry of the baselines and bounds, by name."""

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

REQUIRED_SYSTEMS = ("rough", "mean_knobs")  # closeness and skill are relative to these
DEFAULT_SYSTEMS = ("rough", "loudness_only", "mean_knobs", "true_knobs")
ALL = "all"

SystemFactory = Callable[[Predictor, TrainingSet, int], ComparedSystem]
"""(predictor, training set of `ridge` and `trees`, number of excerpts of `fitted`) → system"""

REGISTRY: Mapping[str, SystemFactory] = {
    "rough": lambda *_: Identity(),
    "loudness_only": lambda *_: LoudnessOnly(),
    "mean_knobs": lambda predictor, *_: MeanKnobs(predictor),
    "ridge": lambda predictor, training_set, _: Ridge(predictor, training_set),
    "trees": lambda predictor, training_set, _: Trees(predictor, training_set),
    "spectrum_match": lambda *_: SpectrumMatch(),
    "matching": lambda *_: MatcheringBaseline(),
    "refined": lambda predictor, *_: RefinedModel(predictor),
    "fitted": lambda predictor, _, max_excerpts: OracleFit(predictor, max_excerpts),
    "true_knobs": lambda predictor, *_: TrueKnobs(predictor),
}
SYSTEM_NAMES = tuple(REGISTRY)


def resolve_system_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return the requested names and the required ones. ValueError if a name is unknown."""
    requested = [names] if isinstance(names, str) else list(names)
    if names == ALL:
        requested = list(SYSTEM_NAMES)
    for name in requested:
        if name not in SYSTEM_NAMES:
            raise ValueError(f"systems: {name!r} is none of {', '.join(SYSTEM_NAMES)}, or all")
    return tuple(name for name in SYSTEM_NAMES if name in {*REQUIRED_SYSTEMS, *requested})


def prepare_systems(
    names: Sequence[str], predictor: Predictor, *, n_training_examples: int, fitted_excerpts: int
) -> tuple[dict[str, ComparedSystem], dict[str, str]]:
    """Build and prepare systems. Return those that are ready, and name → reason of the others.

    n_training_examples: number of training excerpts that `ridge` and `trees` are fitted to.
    fitted_excerpts: number of excerpts on which `fitted` is evaluated.
    """
    training_set = TrainingSet(predictor, n_training_examples)
    ready, missing = {}, {}
    for name in names:
        system = REGISTRY[name](predictor, training_set, fitted_excerpts)
        try:
            system.prepare()
        except (ValueError, OSError) as error:
            missing[name] = " ".join(str(error).split())
        else:
            ready[name] = system
    return ready, missing
