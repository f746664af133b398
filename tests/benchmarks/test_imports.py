"""Scripts outside the package import only names that the package has."""

import ast
from importlib import import_module

import pytest

from ai_mixer.config.folder import config_folder

ROOT = config_folder().parent
SCRIPTS = sorted(
    file for folder in ("benchmarks", "docs") for file in (ROOT / folder).rglob("*.py")
)


def imported_names(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ai_mixer"):
            yield from ((node.module, alias.name) for alias in node.names)


def has_name(module, name):
    try:
        return hasattr(import_module(module), name) or bool(import_module(f"{module}.{name}"))
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_of_a_script_exist(script):
    names = imported_names(script.read_text(encoding="utf-8"))
    assert [name for name in names if not has_name(*name)] == []
