"""Options of a mix from the command line, and lines for the user."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
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
    aspects: str | None = None,
) -> "MixOptions":
    """Collect the options and check all numbers; `MixConsole.check` checks names and ranges."""
    from ai_mixer.mixing.mix_options import MixOptions

    general = [given.value for given in amount if given.name is None]
    return MixOptions(
        amount=general[-1] if general else None,
        group_amounts={given.name: given.value for given in amount if given.name is not None},
        only_groups=_names(only),
        fixed_settings={setting.name: setting.value for setting in settings if setting.name},
        units={setting.name: setting.unit for setting in settings if setting.name and setting.unit},
        style=style,
        strict=strict,
        aspects=_names(aspects),
    )


def _names(text: str | None) -> list[str]:
    """Names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else []


def parse_references(references: Sequence[Assignment], aspects: str | None) -> dict[Path, float]:
    """Files with weights. ValueError for one given twice, or for aspects without a reference."""
    if aspects is not None and not references:
        raise ValueError(f"--match {aspects}: there is no --reference")
    weights = {Path(str(given.name)): given.value for given in references}
    if len(weights) < len(references):
        raise ValueError("--reference: a file is given twice: give it once, with a weight")
    return weights


def reject_with_preset(given: Mapping[str, object]) -> None:
    """ValueError (one line) for an option that only a prediction has."""
    for option, value in given.items():
        if value:
            raise ValueError(f"{option}: not with --preset, whose settings are not predicted")


def print_line(text: str = "") -> None:
    """Print a line for the user. Not `typer.echo`, which writes UTF-8 to an ASCII terminal."""
    print(text)


def print_error(text: str) -> None:
    """Print an error in one line."""
    print(f"error: {text}", file=sys.stderr)
