"""Parsers of numeric options: finite and within limits, checked before any work.

Each option with a number uses one of these parsers (tests/cli/commands/test_numbers.py); the plain
types of typer accept NaN and infinity.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

NUMBER = r"[+−-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
QUANTITY = re.compile(rf"\s*({NUMBER})\s*([a-z%:×].*?)?\s*", re.IGNORECASE)
UNITS = re.compile(rf"({NUMBER})\s*(?:LUFS|dBTP|dB|%)", re.IGNORECASE)
MIN_WEIGHT, MAX_WEIGHT = 0.001, 1000.0  # of a reference


class OptionError(Exception):
    """An invalid value of an option, in one line; typer would reword a ValueError."""


class Number:
    """Parser of a finite number within limits, for `typer.Option(parser=…)`.

    >>> Number("--ceiling", -60, 0, "dBTP")("-1.5")
    -1.5
    """

    def __init__(
        self, option: str, low: float = -math.inf, high: float = math.inf, unit: str = ""
    ) -> None:
        self.__name__ = "number"  # typer's older versions show it
        self.option, self.low, self.high, self.unit = option, low, high, unit

    def __call__(self, text: object) -> float:
        """Parse a number. OptionError in one line if it is invalid."""
        return self.parse(self.option, str(text))

    def parse(self, option: str, text: str) -> float:
        """Parse a number, also with a unit such as LUFS. option: its name for the error message."""
        with_unit = UNITS.fullmatch(text.strip())
        try:
            number = with_unit[1] if with_unit else text
            value = float(number.replace("−", "-"))  # minus sign, as in texts
        except ValueError:
            raise OptionError(f"{option}: {text!r} is not a number") from None
        if with_unit and text.strip().endswith("%"):
            value /= 100
        if not math.isfinite(value):
            raise OptionError(f"{option}: {text!r} is not a finite number")
        if not self.low <= value <= self.high:
            limits = f"{self.low:g} to {self.high:g} {self.unit}".strip()
            raise OptionError(f"{option}={text}: must be {limits}")
        return value


class NamedNumber(Number):
    """Parser of the name of a number, or a number. values: names that stand for a number."""

    def __init__(
        self,
        option: str,
        names: tuple[str, ...],
        low: float,
        high: float,
        unit: str,
        values: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        super().__init__(option, low, high, unit)
        self.names, self.values = (*names, *values), values

    def __call__(self, text: object) -> float | str:  # type: ignore[override]
        """Return the name or the number. OptionError in one line if it is neither."""
        if str(text) in self.names:
            return self.values.get(str(text), str(text))
        try:
            Number(self.option).parse(self.option, str(text))
        except OptionError:
            if _is_number(str(text)):
                raise
            names = ", ".join(self.names)
            raise OptionError(f"{self.option} {text}: use {names}, or {self.unit}") from None
        return super().__call__(text)


def _is_number(text: str) -> bool:
    """Whether a text is a number, also one that is not finite."""
    try:
        float(text.replace("−", "-"))
    except ValueError:
        return False
    return True


class Assignment(NamedTuple):
    """A number, and the name it is for; None if it is for all."""

    name: str | None
    value: float
    unit: str = ""


class WholeNumber(Number):
    """Parser of a whole number within limits."""

    def __call__(self, text: object) -> int:
        """Parse a whole number. OptionError in one line if it is invalid."""
        value = super().__call__(text)
        if value != int(value):
            raise OptionError(f"{self.option}={text}: must be a whole number")
        return int(value)


class WeightedFile(Number):
    """Parser of a file, or `file=weight`.

    >>> WeightedFile("--reference")("like_this.wav=0.5").value
    0.5
    """

    def __init__(self, option: str) -> None:
        super().__init__(option, MIN_WEIGHT, MAX_WEIGHT)

    def __call__(self, text: object) -> Assignment:  # type: ignore[override]
        """Parse a file; the weight is 1 unless given. OptionError if the weight is invalid."""
        name, equals, weight = str(text).rpartition("=")
        if not equals or Path(str(text)).exists():  # names of files may contain =
            return Assignment(str(text), 1.0)
        return Assignment(name, self.parse(f"{self.option} {name}", weight))


class Setting(Number):
    """Parser of `knob=value`, with a unit: low_eq=+1.5, "presence=+2 dB", "width=10 % wider".

    >>> Setting("--set")("presence=+2dB")
    Assignment(name='presence', value=2.0, unit='dB')
    """

    def __call__(self, text: object) -> Assignment:  # type: ignore[override]
        """Parse a setting. OptionError in one line if it is invalid."""
        name, equals, value = str(text).partition("=")
        if not equals:
            raise OptionError(f"{self.option} {text}: write name=value, e.g. low_eq=+1.5dB")
        found = QUANTITY.fullmatch(value)
        number, unit = (found[1], found[2]) if found else (value, "")
        return Assignment(name.strip(), self.parse(f"{self.option} {name}", number), unit)


class AssignedNumber(Number):
    """Parser of `name=number`; with `name_optional` also of a number alone."""

    def __init__(
        self,
        option: str,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        name_optional: bool = False,
    ) -> None:
        super().__init__(option, low, high)
        self.name_optional = name_optional

    def __call__(self, text: object) -> Assignment:  # type: ignore[override]
        """Parse an assignment. OptionError in one line if it is invalid."""
        name, equals, value = str(text).partition("=")
        if equals:
            return Assignment(name.strip(), self.parse(f"{self.option} {name}", value))
        if self.name_optional:
            return Assignment(None, self.parse(self.option, name))
        raise OptionError(f"{self.option} {text}: write name=value, e.g. low_eq=+1.5")
