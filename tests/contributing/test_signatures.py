"""The signatures that documents and toys show are those of the code."""

import importlib.util
import inspect
import re

import pytest

from ai_mixer.console import Console
from ai_mixer.effects.effect import Effect
from ai_mixer.losses.objective import WeightedLoss
from ai_mixer.losses.term import LossTerm
from ai_mixer.models.feature_model import FeatureModel

BASES = {"loss": LossTerm, "model": FeatureModel}
CALLS = {"model": FeatureModel, "console": Console, "objective": WeightedLoss}


def parameters(function):
    """The names of its positional parameters, without `self`."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(function).parameters.values()
    return [p.name for p in found if p.kind in kinds and p.name != "self"]


def shown(arguments):
    """`rough [B, C, T], condition [B]` → rough, condition."""
    return [name.strip() for name in re.sub(r"\[[^]]*\]", "", arguments).split(",")]


@pytest.mark.parametrize("part", BASES)
def test_a_step_shows_the_signature_of_the_base_class(part, guide):
    (arguments,) = re.findall(r"`forward\(([^)]*)\)", guide.steps(part)[0])
    assert shown(arguments) == parameters(BASES[part].forward)


@pytest.mark.parametrize("name", CALLS)
def test_the_story_of_a_batch_shows_what_is_called(name, guide):
    page = (guide.root / "docs" / "how-a-config-flows.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(rf"^.*\b{name}\(([^)]*)\) ─►", page, re.MULTILINE)
    wanted = parameters(CALLS[name].forward)
    wanted = ["rough" if argument == "audio" else argument for argument in wanted]
    assert shown(arguments) == wanted


@pytest.mark.parametrize(("part", "base"), [*BASES.items(), ("effect", Effect)])
def test_a_toy_has_the_signature_of_its_base_class(part, base, guide):
    """An effect names its knobs, for which the base class has `**knobs`."""
    file = guide.toys / part / f"src/ai_mixer/{guide.groups[part]}/toy.py"
    spec = importlib.util.spec_from_file_location(f"toy_{part}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own, wanted = (inspect.signature(cls.forward) for cls in (module.Toy, base))
    if part == "effect":
        assert parameters(module.Toy.forward) == parameters(base.forward)
        named = set(own.parameters) - {"self", *parameters(base.forward)}
        assert named == set(module.Toy.knob_names)
    else:
        assert own == wanted
