"""Find the faults of a song: those whose score few finished songs reach."""

from dataclasses import dataclass, replace

from ai_mixer.faults.fault import Fault, Remedy
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference, packaged_reference
from ai_mixer.faults.registry import FAULTS

# A fault explains others: what an inverted channel does to the width is not reported again.
IMPLIED = {
    "dead channel": ("too wide", "narrow", "mono loss", "low end out of phase"),
    "inverted channel": ("too wide", "mono loss", "low end out of phase"),
    "low end out of phase": ("mono loss",),
    "mono loss": ("too wide",),
    "hard clipping": ("soft clipping", "inter-sample clipping"),
    "codec band limit": ("dull",),
}


@dataclass(frozen=True)
class Finding:
    """A fault of a song, with its figure in its unit, and lines that describe it."""

    fault: Fault
    figure: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The fault in one line."""
        return "; ".join(self.lines)

    @property
    def remedy(self) -> Remedy:
        """What mends it."""
        return self.fault.remedy(self.figure)


def find_faults(observations: Observations, reference: Reference | None = None) -> list[Finding]:
    """Return the faults of a song, in the order of the registry; empty for silence.

    Of the faults of the profile, the clearest is taken, its effect removed, and the others judged
    by what is left, so that one cause is reported once.
    """
    reference = packaged_reference() if reference is None else reference
    found = {
        name: observations
        for name, fault in FAULTS.items()
        if not fault.by_profile and excess(fault, observations, reference) > 0
    }
    found |= _profile_faults(observations, reference)
    hidden = {name for fault in found for name in IMPLIED.get(fault, ())}
    return [
        _finding(fault, found[name], reference)
        for name, fault in FAULTS.items()
        if name in found and name not in hidden
    ]


def _finding(fault: Fault, observations: Observations, reference: Reference) -> Finding:
    figure = figure_of(fault, observations, reference)
    lines = fault.sentences(observations.signal) if fault.sentences else [fault.text(figure)]
    return Finding(fault, figure, tuple(lines))


def excess(fault: Fault, observations: Observations, reference: Reference) -> float:
    """Score over its threshold; not above 0 if there is no fault, NaN if it is not measurable."""
    return fault.score(observations, reference) - threshold(fault, reference)


def threshold(fault: Fault, reference: Reference) -> float:
    """Score above which a fault is reported."""
    limit = fault.threshold
    return reference.thresholds[fault.name] if limit is None else limit


def figure_of(fault: Fault, observations: Observations, reference: Reference) -> float:
    """Figure of a fault, in its unit."""
    return (fault.measure or fault.score)(observations, reference)


def _profile_faults(observations: Observations, reference: Reference) -> dict[str, Observations]:
    """Faults of the profile, each with the observations in which it was found."""
    faults = [fault for fault in FAULTS.values() if fault.by_profile]
    found: dict[str, Observations] = {}
    left = observations
    while left.profile is not None and len(found) < len(faults):
        shares = {
            fault.name: excess(fault, left, reference) / abs(threshold(fault, reference))
            for fault in faults
            if fault.name not in found
        }
        name = max(shares, key=shares.__getitem__)
        if not shares[name] > 0:
            break
        found[name] = left
        estimate = FAULTS[name].amount
        assert estimate is not None
        amount = estimate(left, reference)
        left = replace(left, profile=left.profile - amount * reference.directions[name])
    return found
