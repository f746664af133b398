"""For the API reference: a name that a package re-exports is documented once, where it is defined."""

from typing import Any

import griffe


class HideReexports(griffe.Extension):
    """Clears `__all__` of every package but the root, whose exports are the public API."""

    def on_module(self, *, mod: griffe.Module, **kwargs: Any) -> None:
        """Griffe's hook, called once for each module."""
        if mod.parent is not None and mod.is_init_module:
            mod.exports = None
