"""Vertical axes of a plot in parallel coordinates: heights of values, and readable ticks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

TICKS = 5
FEW_DECADES = 3  # of a logarithmic axis, up to which it has ticks between the powers of ten
NOT_SET = -0.12  # height of trials without the parameter of an axis


@dataclass(frozen=True)
class AxisScale:
    """Vertical axis of parallel coordinates: maps a value to a height from 0 to 1.

    ticks: values with their labels. log: logarithmic between low and high. optional: whether it has
    a place for trials without the parameter. categorical: one tick per choice, equally spaced.
    """

    name: str
    ticks: Mapping[Any, str]
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    optional: bool = False
    categorical: bool = False

    @classmethod
    def of_parameter(
        cls, name: str, distribution: BaseDistribution, trials: Sequence[FrozenTrial]
    ) -> "AxisScale":
        """Scale of a parameter: its choices, or the range of the values that were tried."""
        tried: list[Any] = [trial.params[name] for trial in trials if name in trial.params]
        optional = len(tried) < len(trials)
        if isinstance(distribution, CategoricalDistribution):
            choices = [choice for choice in distribution.choices if choice in tried]
            ticks = {choice: str(choice) for choice in choices}
            return cls(name, ticks, 0.0, len(choices) - 1.0, False, optional, True)
        if getattr(distribution, "log", False):
            low, high = min(tried), max(tried)
            decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            steps = (1, 2, 5) if len(decades) <= FEW_DECADES else (1,)
            places = [step * 10.0**decade for decade in decades for step in steps]
            inside = [x for x in places if low <= x <= high] or [float(low)]
            return cls(name, {x: _scientific(x) for x in inside}, low, high, True, optional)
        return cls.linear(name, tried, optional)

    @classmethod
    def linear(cls, name: str, values: Sequence[float], optional: bool = False) -> "AxisScale":
        """Linear scale with round ticks within the values."""
        low, high = float(min(values)), float(max(values))
        places = MaxNLocator(TICKS).tick_values(low, high)
        ticks = [x for x in places if low <= x <= high] if high > low else [low]
        return cls(name, {float(x): f"{x:.3g}" for x in ticks}, low, high, optional=optional)

    def height(self, value: Any) -> float:
        """Height of a value; NOT_SET if the trial has no such parameter."""
        if value is None:
            return NOT_SET
        if self.low == self.high:
            return 0.5
        if self.categorical:
            return list(self.ticks).index(value) / self.high
        low, high, x = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return float((x - low) / (high - low))

    def draw(self, axes: Axes, position: int) -> None:
        """Draw the axis with its ticks."""
        axes.axvline(position, color="0.3", linewidth=1.0, zorder=0)
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0}
        marks = {self.height(value): text for value, text in self.ticks.items()}
        marks |= {NOT_SET: "not set"} if self.optional else {}
        for height, text in marks.items():
            axes.plot([position - 0.03, position + 0.03], [height, height], color="0.3")
            axes.text(
                position + 0.06, height, text, va="center", fontsize="small", bbox=box, zorder=3
            )


def _scientific(value: float) -> str:
    """Short text: 2e-5 rather than 2e-05 or 0.00002."""
    if 1e-3 <= value < 1e4:
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
