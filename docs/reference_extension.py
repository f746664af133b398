"""API reference: an extension of Griffe, which reads the source for mkdocstrings."""

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)  # until the next empty line


class ReadSource(griffe.Extension):
    """Documents re-exported names where they are defined, names files, shows doctests as code."""

    def on_module(self, *, mod: griffe.Module, **kwargs: Any) -> None:
        """Clear `__all__` of every package but the root, whose exports are the public API."""
        if mod.parent is not None and mod.is_init_module:
            mod.exports = None
        if mod.docstring:
            mod.docstring.value += f"\n\nFile: `{mod.relative_filepath}`"

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Put the doctests of a docstring into a code block of Markdown."""
        if obj.docstring:
            obj.docstring.value = DOCTEST.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
