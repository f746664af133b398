"""The signatures in documents and toys equal those of the code."""

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
    values = inspect.signature(function).parameters.values()
    return [p.name for p in values if p.kind in kinds and p.name != "self"]


def names(arguments):
    """`rough [B, C, T], condition [B]` → rough, condition."""
    return [name.strip() for name in re.sub(r"\[[^]]*\]", "", arguments).split(",")]


@pytest.mark.parametrize("part", BASES)
def test_step_has_the_signature_of_the_base_class(part, guide):
    (arguments,) = re.findall(r"`forward\(([^)]*)\)", guide.steps(part)[0])
    assert names(arguments) == parameters(BASES[part].forward)


@pytest.mark.parametrize("name", CALLS)
def test_docs_have_the_signatures_of_the_calls(name, guide):
    page = (guide.root / "docs" / "how-a-config-flows.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(rf"^.*\b{name}\(([^)]*)\) ─►", page, re.MULTILINE)
    expected = parameters(CALLS[name].forward)
    expected = ["rough" if argument == "audio" else argument for argument in expected]
    assert names(arguments) == expected


@pytest.mark.parametrize(("part", "base"), [*BASES.items(), ("effect", Effect)])
def test_toy_has_the_signature_of_its_base_class(part, base, guide):
    """An effect names its knobs, for which the base class has `**knobs`."""
    file = guide.toys / part / f"src/ai_mixer/{guide.groups[part]}/toy.py"
    spec = importlib.util.spec_from_file_location(f"toy_{part}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    signature, expected = (inspect.signature(cls.forward) for cls in (module.Toy, base))
    if part == "effect":
        assert parameters(module.Toy.forward) == parameters(base.forward)
        knobs = set(signature.parameters) - {"self", *parameters(base.forward)}
        assert knobs == set(module.Toy.knob_names)
    else:
        assert signature == expected
