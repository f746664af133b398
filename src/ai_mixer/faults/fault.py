"""What a fault is: its generator, its detector and what mends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ai_mixer.faults.generators import Generator
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference
from ai_mixer.faults.signal_statistics import SignalStatistics

Score = Callable[[Observations, Reference], float]


@dataclass(frozen=True)
class Remedy:
    """What mends a fault.

    classic, mastering: knob → value of that console; empty if it has no such knob. ceiling_db: a
    lower true peak. advice: what to do where none of these helps.
    """

    classic: Mapping[str, float] = field(default_factory=dict)
    mastering: Mapping[str, float] = field(default_factory=dict)
    ceiling_db: float | None = None
    advice: str = ""


@dataclass(frozen=True)
class Fault:
    """One fault.

    unit: of the figure. strong: severity at which the detector is tested; severity: the same in
    words. generate: audio [C, T] → the same with the fault. score: larger is worse; NaN if it
    cannot be measured. text: figure → one line. remedy: figure → what mends it. threshold: a score
    above it is reported; None for the one in the reference. by_profile: the score is an amount of a
    change of the profile, whose direction the reference holds. measure: the figure, if it is not
    the score. sentences: the lines that replace `text`, with the names of the channels.
    """

    name: str
    unit: str
    strong: float
    severity: str
    generate: Generator
    score: Score
    text: Callable[[float], str]
    remedy: Callable[[float], Remedy]
    threshold: float | None = None
    by_profile: bool = False
    measure: Score | None = None
    sentences: Callable[[SignalStatistics], list[str]] | None = None


def profile_score(name: str, without: tuple[str, ...] = ()) -> Score:
    """Score of a fault that changes the profile: its estimated amount, in its unit.

    without: parts of the profile that are not used.
    """

    def score(observations: Observations, reference: Reference) -> float:
        if observations.profile is None:
            return float("nan")
        return reference.amount(name, observations.profile, without)

    return score


def half(figure: float, limit: float) -> float:
    """Half of a figure within ±limit, in steps of a half: the other half may be the song."""
    return round(2 * max(-limit, min(limit, figure / 2))) / 2
