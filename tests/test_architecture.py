"""The house stands: one direction of imports, words on every door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ai_mixer
from ai_mixer.config.folder import config_folder

PACKAGE = Path(ai_mixer.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
NEVER = {
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


def imported(path):
    """Top-level packages a module imports anywhere, within functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_the_import_contract_holds(tmp_path):
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    words = [sys.executable, "-c", code]
    done = subprocess.run(
        words, cwd=config_folder().parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "no docstring"
    assert docstring.split("\n\n")[0].endswith((".", "?", "…", ":")), docstring


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_is_never_imported(path):
    assert not set(imported(path)) & NEVER


def test_mlflow_only_in_tracking():
    users = {path.relative_to(PACKAGE).parts[0] for path in MODULES if "mlflow" in imported(path)}
    assert users == {"tracking"}


def test_torchaudio_only_through_the_shim():
    assert not [path for path in MODULES if "torchaudio" in imported(path)]


def test_the_network_only_for_the_pretrained_encoder():
    """What fetches is an extra: one module asks for it, within a function."""
    users = [path.name for path in MODULES if "huggingface_hub" in imported(path)]
    assert users == ["audioset_weights.py"]


def test_models_know_neither_console_nor_effects():
    for path in (PACKAGE / "models").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "ai_mixer.console" not in text
        assert "ai_mixer.effects" not in text


@pytest.mark.parametrize("folder", ["augment", "console", "data", "tasks"])
def test_folders_mirror_each_other(folder):
    tests = config_folder().parent / "tests"
    assert (PACKAGE / folder).is_dir()
    assert (tests / folder).is_dir()


def test_no_class_takes_a_config():
    """Constructors are plain and typed: no `cfg` in them."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                names = {argument.arg for argument in node.args.args}
                assert not names & {"cfg", "config"}, path
