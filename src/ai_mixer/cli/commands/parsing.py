"""Words of the command line to what they mean; a wrong one is answered in one line."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ai_mixer.mixing.mix_options import MixOptions

TARGETS = ("none", "streaming", "broadcast", "mastering")


def parse_mix_options(
    amount: Sequence[str], only: str | None, settings: Sequence[str], style: str | None
) -> "MixOptions":
    """`0.5`, `eq=0.5` …, `eq,width`, `low_eq=+1.5` … as wishes. ValueError in one line."""
    from ai_mixer.mixing.mix_options import MixOptions

    whole = [word for word in amount if "=" not in word]
    parts = [word for word in amount if "=" in word]
    return MixOptions(
        amount=_number("--amount", whole[-1]) if whole else 1.0,
        amounts=_pairs("--amount", parts),
        only=[word.strip() for word in only.split(",") if word.strip()] if only else [],
        set=_pairs("--set", settings),
        style=style,
    )


def parse_target(word: str | None) -> float | str | None:
    """`none`, a name or LUFS."""
    if word is None or word in TARGETS:
        return None if word in {None, "none"} else word
    try:
        return float(word)
    except ValueError:
        menu = ", ".join(TARGETS)
        raise ValueError(f"--target {word}: give {menu}, or LUFS such as -14") from None


def output_paths(songs: Sequence[Path], output: Path | None, word: str) -> list[Path | None]:
    """A result for each song: `-o` names the file of one song, or the folder of several."""
    from ai_mixer.mixing.paths import default_output

    if output is None:
        return [None] * len(songs)
    is_folder = len(songs) > 1 or output.is_dir() or not output.suffix
    if not is_folder:
        return [output]
    results = [output / default_output(song, word).name for song in songs]
    if len(set(results)) < len(results):
        raise ValueError(f"two songs would have one name in {output}: mix them in turn")
    return list(results)


def _pairs(option: str, words: Sequence[str]) -> dict[str, float]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{option} {word}: write name=value, e.g. low_eq=+1.5")
        pairs[name.strip()] = _number(f"{option} {name}", value)
    return pairs


def _number(what: str, word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{what}: {word!r} is no number") from None
    if math.isnan(value):
        raise ValueError(f"{what}: {word!r} is no number")
    return value


def print_line(text: str = "") -> None:
    """A line for the user."""
    typer.echo(text)
