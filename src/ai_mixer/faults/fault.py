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
    above it is reported; None for the one in the reference. amount: of the change of the profile
    whose direction the reference holds, if the fault is found by that. measure: the figure, if it
    is not the score. sentences: the lines that replace `text`, with the names of the channels.
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
    amount: Score | None = None
    measure: Score | None = None
    sentences: Callable[[SignalStatistics], list[str]] | None = None

    @property
    def by_profile(self) -> bool:
        """Whether it is found by the profile."""
        return self.amount is not None


DYNAMICS = ("crest", "range", "quiet")
SOUND = ("level", "width", *DYNAMICS)  # parts of the profile
TONE = ("level", *DYNAMICS, "contrast")
LEVEL_CHANGES = ("spread", "step")


def profile_score(name: str, parts: tuple[str, ...]) -> Score:
    """Score of a fault that changes the profile: its estimated amount, in its unit.

    parts: of the profile that are used.
    """

    def score(observations: Observations, reference: Reference) -> float:
        if observations.profile is None:
            return float("nan")
        return reference.amount(name, observations.profile, parts)

    return score


def abnormality_score(name: str, severity: float, parts: tuple[str, ...]) -> Score:
    """Score of a fault that changes the profile: likeness to songs with it, −1 to 1."""

    def score(observations: Observations, reference: Reference) -> float:
        if observations.profile is None:
            return float("nan")
        return reference.abnormality(name, observations.profile, severity, parts)

    return score


def half(figure: float, limit: float) -> float:
    """Half of a figure within ±limit, in steps of a half: the other half may be the song."""
    return round(2 * max(-limit, min(limit, figure / 2))) / 2
