"""Options of a mix from the command line, and lines for the user."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ai_mixer.cli.commands.numbers import Assignment

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_options import MixOptions


def parse_mix_options(
    amount: Sequence[Assignment],
    only: str | None,
    settings: Sequence[Assignment],
    style: str | None,
    strict: bool = False,
) -> "MixOptions":
    """Collect the options and check all numbers; `MixConsole.check` checks names and ranges."""
    from ai_mixer.mixing.mix_options import MixOptions

    return MixOptions(
        amount=([value for name, value in amount if name is None] or [1.0])[-1],
        group_amounts={name: value for name, value in amount if name is not None},
        only_groups=[name.strip() for name in only.split(",") if name.strip()] if only else [],
        fixed_settings={name: value for name, value in settings if name is not None},
        style=style,
        strict=strict,
    )


def print_line(text: str = "") -> None:
    """Print a line for the user. Not `typer.echo`, which writes UTF-8 to an ASCII terminal."""
    print(text)


def print_error(text: str) -> None:
    """Print an error in one line."""
    print(f"error: {text}", file=sys.stderr)
