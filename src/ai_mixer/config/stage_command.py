"""Command that starts a stage: `make` in a checkout, `python -m` where a wheel is installed."""

import shlex
from collections.abc import Iterable

from ai_mixer.config.folder import config_folder

MODULES = {"bench": "benchmark"}  # target → module, where the names differ
SCRIPTS = ("bench-peers", "roughs")  # targets of files that are not installed


def stage_command(target: str, overrides: Iterable[str] = ()) -> str:
    """Return the shell command of a target of the Makefile with overrides.

    >>> stage_command("train", ["model=cnn", "run_name=a b"])
    "make train model=cnn 'run_name=a b'"
    """
    words = " ".join([target, *map(shlex.quote, overrides)])
    if is_checkout():
        return f"make {words}"
    if target in SCRIPTS:
        return f"make {words} in a clone of the repository"
    module, _, rest = words.partition(" ")
    name = MODULES.get(module, module.replace("-", "_"))
    return f"python -m ai_mixer.cli.stages.{name} {rest}".rstrip()


def command_overrides(command: str) -> list[str]:
    """Return the overrides of a command in one of the forms of `stage_command`.

    >>> command_overrides("make train model=cnn 'run_name=a b'")
    ['model=cnn', 'run_name=a b']
    """
    words = shlex.split(command)
    return words[2:] if words[:1] == ["make"] else words[3:]


def debug_hint() -> str:
    """Return the end of an error message whose traceback may be of interest."""
    options = "--debug, or DEBUG=1 with make," if is_checkout() else "--debug"
    return f" ({options} shows the traceback)"


def is_checkout() -> bool:
    """Whether the package runs from a checkout of the repository, which has the Makefile."""
    return (config_folder().parent / "Makefile").is_file()
