"""The contract tests find a new file by import."""

import importlib
import importlib.util

import pytest

AUGMENT = """\
from ai_mixer.augment.augment import SharedAugment
class Toy(SharedAugment):
    def process(self, audio):
        return audio
"""
METRIC = """\
def toy(mix, finished):
    return (mix - finished).square().mean((1, 2))
"""
FINDERS = {  # package: file of the contract test, and its function that finds the parts
    "losses": ("losses/conftest.py", "_all_terms"),
    "effects": ("helpers/effects.py", "effect_classes"),
    "models": ("models/test_contract.py", "models_by_import"),
    "augment": ("augment/test_contract.py", "steps_by_import"),
    "metrics": ("metrics/test_contract.py", "distances_by_import"),
}


@pytest.fixture
def package_folder(tmp_path, monkeypatch, unload_toys):
    """Function: name of a package → a new folder in its search path."""

    def add(group):
        package = importlib.import_module(f"ai_mixer.{group}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / group)])
        (tmp_path / group).mkdir()
        return tmp_path / group

    return add


def parts_under_test(tests, group):
    """Names of the parts that the contract test of a package tests."""
    file, function = FINDERS[group]
    spec = importlib.util.spec_from_file_location(f"contract_of_{group}", tests / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [part.__name__ for part in getattr(module, function)()]


def toy(guide, group):
    """The code of a package's toy."""
    parts = {package: part for part, package in guide.groups.items()}
    if group in parts:
        return (guide.toys / parts[group] / f"src/ai_mixer/{group}/toy.py").read_text()
    return {"augment": AUGMENT, "metrics": METRIC}[group]


@pytest.mark.parametrize("group", FINDERS)
def test_new_file_is_found(group, guide, package_folder):
    name = "toy" if group == "metrics" else "Toy"
    assert name not in parts_under_test(guide.root / "tests", group)
    (package_folder(group) / "toy.py").write_text(toy(guide, group))
    assert name in parts_under_test(guide.root / "tests", group)
