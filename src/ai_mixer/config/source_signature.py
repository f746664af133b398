"""Arguments of a class or function, read from its source code: importing torch takes seconds."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path


def argument_names(target: str) -> set[str] | None:
    """Return the names of the arguments of `package.module.name`, without importing it.

    None if the source does not show them: it is missing, takes `**kwargs`, or is not Python.

    >>> sorted(argument_names("ai_mixer.training.schedulers.cosine") or ())
    ['final', 'optimizer', 'total_steps', 'warmup']
    """
    module, _, name = target.rpartition(".")
    file = _module_file(module)
    return _find(file, module, name) if file is not None else None


def _module_file(module: str) -> Path | None:
    """File of a module. `find_spec` of a submodule would import its packages."""
    package, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        place = folder.joinpath(*parts)
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                return file
    return None


def _find(file: Path, module: str, name: str) -> set[str] | None:
    """Arguments of the class or function `name`, defined in or imported into a module."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _arguments(node)
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _constructor_arguments(node, module)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return argument_names(f"{_imported_module(node, file, module)}.{alias.name}")
    return None


def _constructor_arguments(node: ast.ClassDef, module: str) -> set[str] | None:
    """Arguments of `__init__`, of the class or of its first base."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return _arguments(item)
    bases: Iterator[str] = (base.id for base in node.bases if isinstance(base, ast.Name))
    base = next(bases, None)
    return argument_names(f"{module}.{base}") if base else None


def _arguments(node: ast.FunctionDef) -> set[str] | None:
    arguments = node.args
    if arguments.kwarg is not None:
        return None
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in listed} - {"self"}


def _imported_module(node: ast.ImportFrom, file: Path, module: str) -> str:
    """Absolute name of the module that `from … import` names."""
    if not node.level:
        return str(node.module)
    parts = module.split(".")
    parts = parts if file.name == "__init__.py" else parts[:-1]
    package = parts[: len(parts) - (node.level - 1)]
    return ".".join([*package, *([node.module] if node.module else [])])
