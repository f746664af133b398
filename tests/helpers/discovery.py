"""Classes of a package, found by import, for tests that hold for each of them."""

import importlib
import inspect
import pkgutil


def classes_in(package):
    """All classes that are named in the modules of a package."""
    modules = [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    return {c for module in modules for _, c in inspect.getmembers(module, inspect.isclass)}


def subclasses_in(package, base):
    """The proper subclasses of `base` among them, by name."""
    found = {c for c in classes_in(package) if issubclass(c, base) and c is not base}
    return sorted(found, key=lambda c: c.__name__)
