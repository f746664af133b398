"""Faults of the tonal balance: boomy, muddy, boxy, harsh, dull, thin, resonant."""

import math
from collections.abc import Mapping

from ai_mixer.faults import fine_spectrum, generators
from ai_mixer.faults.fault import TONE, Fault, Remedy, abnormality_score, half, profile_score
from ai_mixer.faults.generators import Generator
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference

STRONG_DB = 9.0
MAX_GAIN_DB = 6.0


def _fault(name: str, generate: Generator, where: str, knobs: Mapping[str, float]) -> Fault:
    """A fault by its amount. knobs: of both consoles, with 1 or −1 for a gain in dB."""

    def remedy(figure: float) -> Remedy:
        gain_db = half(figure, MAX_GAIN_DB)
        settings = {
            knob: sign * gain_db if knob.endswith(("_gain", "_eq")) else sign
            for knob, sign in knobs.items()
        }
        mastering = {k: v for k, v in settings.items() if not k.endswith("_eq")}
        classic = {k: v for k, v in settings.items() if k.endswith("_eq")}
        if name == "harsh":
            classic["presence"] = round(10 ** (-gain_db / 20), 2)
        return Remedy(classic, mastering)

    amount = profile_score(name, TONE)
    return Fault(
        name,
        "dB",
        STRONG_DB,
        f"{STRONG_DB:.0f} dB",
        generate,
        abnormality_score(name, STRONG_DB, TONE),
        lambda figure: f"{name}: about {figure:.0f} dB too {where}",
        remedy,
        amount=amount,
        measure=amount,
    )


def _peak(frequency_hz: float, q: float) -> dict[str, float]:
    band = "band1" if frequency_hz < 250 else "band2" if frequency_hz < 800 else "band4"
    return {f"{band}_frequency": frequency_hz, f"{band}_gain": -1.0, f"{band}_q": q}


def _resonance(observations: Observations, reference: Reference) -> tuple[float, float]:
    if observations.contrast_db is None:
        return math.nan, math.nan
    return reference.resonance(observations.contrast_db[fine_spectrum.resonance_bands()])


def _resonance_score(observations: Observations, reference: Reference) -> float:
    return _resonance(observations, reference)[0]


def _resonance_db(observations: Observations, reference: Reference) -> float:
    return _resonance(observations, reference)[1]


FAULTS = (
    _fault(
        "boomy",
        generators.peak(110.0, 1.0),
        "much around 110 Hz",
        _peak(110.0, 1.0) | {"low_eq": -1.0},
    ),
    _fault("muddy", generators.peak(280.0, 1.0), "much around 280 Hz", _peak(280.0, 1.0)),
    _fault("boxy", generators.peak(550.0, 1.4), "much around 550 Hz", _peak(550.0, 1.4)),
    _fault("harsh", generators.peak(3500.0, 1.0), "much around 3.5 kHz", _peak(3500.0, 1.0)),
    _fault(
        "dull",
        generators.shelf("high", 5000.0, -1.0),
        "little above 5 kHz",
        {"high_shelf_frequency": 5000.0, "high_shelf_gain": 1.0, "high_eq": 1.0},
    ),
    _fault(
        "thin",
        generators.shelf("low", 200.0, -1.0),
        "little below 200 Hz",
        {"low_shelf_frequency": 200.0, "low_shelf_gain": 1.0, "low_eq": 1.0},
    ),
    Fault(
        "resonant",
        "dB",
        STRONG_DB,
        f"{STRONG_DB:.0f} dB, Q 8, 0.8–5 kHz",
        generators.resonance,
        _resonance_score,
        lambda figure: f"resonant: a narrow band is {figure:.0f} dB above those around it, always",
        lambda figure: Remedy(advice="cut that band with a narrow equaliser"),
        measure=_resonance_db,
    ),
)
