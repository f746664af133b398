"""Which systems there are besides the model, by name."""

from collections.abc import Callable, Mapping, Sequence

from ai_mixer.evaluation.baselines.identity import Rough
from ai_mixer.evaluation.baselines.loudness_only import LoudnessOnly
from ai_mixer.evaluation.baselines.matching import Matching
from ai_mixer.evaluation.baselines.mean_knobs import MeanKnobs
from ai_mixer.evaluation.baselines.oracle_fit import Fitted
from ai_mixer.evaluation.baselines.refined import Refined
from ai_mixer.evaluation.baselines.ridge import Ridge
from ai_mixer.evaluation.baselines.spectrum_match import SpectrumMatch
from ai_mixer.evaluation.baselines.system import System
from ai_mixer.evaluation.baselines.training_set import Examples
from ai_mixer.evaluation.baselines.trees import Trees
from ai_mixer.evaluation.baselines.true_knobs import TrueKnobs
from ai_mixer.inference.predictor import Mixer

ALWAYS = ("rough", "mean_knobs")  # closeness and skill are measured from these
CHEAP = ("rough", "loudness_only", "mean_knobs", "true_knobs")
ALL = "all"

Factory = Callable[[Mixer, Examples, int], System]
"""(model's mixer, what ridge and trees learn from, how many excerpts `fitted` is asked for)"""

MENU: Mapping[str, Factory] = {
    "rough": lambda *_: Rough(),
    "loudness_only": lambda *_: LoudnessOnly(),
    "mean_knobs": lambda mixer, *_: MeanKnobs(mixer),
    "ridge": lambda mixer, examples, _: Ridge(mixer, examples),
    "trees": lambda mixer, examples, _: Trees(mixer, examples),
    "spectrum_match": lambda *_: SpectrumMatch(),
    "matching": lambda *_: Matching(),
    "refined": lambda mixer, *_: Refined(mixer),
    "fitted": lambda mixer, _, at_most: Fitted(mixer, at_most),
    "true_knobs": lambda mixer, *_: TrueKnobs(mixer),
}
NAMES = tuple(MENU)


def choose(names: str | Sequence[str]) -> tuple[str, ...]:
    """The names asked for, and those nobody can do without. ValueError if one is unknown."""
    asked = list(NAMES) if names == ALL else [names] if isinstance(names, str) else list(names)
    for name in asked:
        if name not in NAMES:
            raise ValueError(f"systems: {name!r} is none of {', '.join(NAMES)}, or all")
    return tuple(name for name in NAMES if name in {*ALWAYS, *asked})


def take_part(
    names: Sequence[str], mixer: Mixer, *, examples: int, fitted_excerpts: int
) -> tuple[dict[str, System], dict[str, str]]:
    """The systems, ready; and those that cannot take part here, with the reason.

    examples: training excerpts that ridge and trees learn from; fitted_excerpts: how many excerpts
    `fitted` is asked for.
    """
    learned = Examples(mixer, examples)
    ready, missing = {}, {}
    for name in names:
        system = MENU[name](mixer, learned, fitted_excerpts)
        try:
            system.prepare()
        except (ValueError, OSError) as error:
            missing[name] = " ".join(str(error).split())
        else:
            ready[name] = system
    return ready, missing
