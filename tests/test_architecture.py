"""Tests of the architecture: direction of imports, forbidden imports, docstrings of modules."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import ai_mixer
from ai_mixer.config.folder import config_folder

PACKAGE = Path(ai_mixer.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
FORBIDDEN = {
    "lightning",
    "pedalboard",
    "pyloudnorm",
    "pytest",
    "hypothesis",
    "selenium",
    "transformers",
}


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


@functools.cache
def nodes_of(path):
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported_packages(path):
    """Top-level packages that a module imports, also within functions."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_the_import_contracts_hold():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=config_folder().parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def has_a_docstring(path):
    docstring = ast.get_docstring(nodes_of(path)[0]) or ""
    return docstring.split("\n\n")[0].endswith((".", "?", "…", ":"))


def test_every_module_has_a_docstring():
    assert not [name_of(path) for path in MODULES if not has_a_docstring(path)]


def test_forbidden_packages_are_not_imported():
    assert not [name_of(path) for path in MODULES if FORBIDDEN & set(imported_packages(path))]


def importers(package):
    return [path.relative_to(PACKAGE) for path in MODULES if package in imported_packages(path)]


def test_mlflow_is_imported_in_tracking_only():
    assert {path.parts[0] for path in importers("mlflow")} == {"tracking"}


def test_torchaudio_is_imported_through_the_shim_only():
    assert not importers("torchaudio")


def test_huggingface_hub_is_imported_to_exchange_models_only():
    names = {path.name for path in importers("huggingface_hub")}
    assert names == {"audioset_weights.py", "hub.py"}


def test_models_import_neither_console_nor_effects():
    """Except the fit through the console (decision 0072)."""
    fits = {"multitrack_refined.py", "track_refinement.py"}
    fits |= {"track_fit.py", "track_fit_problem.py", "track_eq_search.py"}
    for path in (PACKAGE / "models").glob("*.py"):
        if path.name in fits:
            continue
        text = path.read_text(encoding="utf-8")
        assert "ai_mixer.console" not in text
        assert "ai_mixer.effects" not in text


@pytest.mark.parametrize("folder", ["augment", "console", "data", "tasks"])
def test_tests_mirror_the_package(folder):
    tests = config_folder().parent / "tests"
    assert (PACKAGE / folder).is_dir()
    assert (tests / folder).is_dir()


def test_no_class_takes_a_config():
    """Constructors have plain typed arguments, no `cfg` or `config`."""
    for path in MODULES:
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                names = {argument.arg for argument in node.args.args}
                assert not names & {"cfg", "config"}, path
