"""Parse option values of the command line. Errors are one line."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_options import MixOptions

TARGETS = ("none", "streaming", "broadcast", "mastering")


def parse_mix_options(
    amount: Sequence[str], only: str | None, settings: Sequence[str], style: str | None
) -> "MixOptions":
    """Parse `0.5`, `eq=0.5` …; `eq,width`; `low_eq=+1.5` …. ValueError (one line) if invalid."""
    from ai_mixer.mixing.mix_options import MixOptions

    overall = [text for text in amount if "=" not in text]
    by_group = [text for text in amount if "=" in text]
    return MixOptions(
        amount=_number("--amount", overall[-1]) if overall else 1.0,
        group_amounts=_pairs("--amount", by_group),
        only_groups=[name.strip() for name in only.split(",") if name.strip()] if only else [],
        fixed_settings=_pairs("--set", settings),
        style=style,
    )


def parse_target(text: str | None) -> float | str | None:
    """Parse `none`, the name of a target, or LUFS."""
    if text is None or text in TARGETS:
        return None if text in {None, "none"} else text
    try:
        return float(text)
    except ValueError:
        names = ", ".join(TARGETS)
        raise ValueError(f"--target {text}: use {names}, or LUFS such as -14") from None


def _pairs(option: str, texts: Sequence[str]) -> dict[str, float]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{option} {text}: write name=value, e.g. low_eq=+1.5")
        pairs[name.strip()] = _number(f"{option} {name}", value)
    return pairs


def _number(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{option}: {text!r} is not a number") from None
    if math.isnan(value):
        raise ValueError(f"{option}: {text!r} is not a number")
    return value


def print_line(text: str = "") -> None:
    """A line for the user."""
    typer.echo(text)
