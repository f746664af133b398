"""Which settings of a mix change its sound: the ones to tell the user about."""

import math

from ai_mixer.core.knob import Knob
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_console import MixConsole
from ai_mixer.mixing.mix_options import KNOB_GROUPS, KnobValues

GAINS = KNOB_GROUPS["gain"]
BOOST_DB = 6.0  # an equaliser in front may raise peaks


def audible_settings(settings: KnobValues, console: MixConsole, before: Measurements) -> KnobValues:
    """Settings without those that change nothing.

    Delivery sets the loudness, so a gain is audible only in front of a compressor that works; a
    compressor does not where no peak reaches its threshold; the width of mono is mono.
    """
    silent = {*(KNOB_GROUPS["width"] if before.mono else ())}
    dynamic = False
    for effect, columns in console.console.effects_with_columns():
        knobs = {argument: console.console.knobs[column] for argument, column in columns.items()}
        ratios = [knob for argument, knob in knobs.items() if argument.endswith("ratio")]
        working = [knob for knob in ratios if _value(settings, knob) > knob.neutral]
        working += [k for a, k in knobs.items() if a == "drive_db" and _value(settings, k) > 0]
        threshold = knobs.get("threshold_db")
        threshold_db = (
            _value(settings, threshold) if threshold else getattr(effect, "threshold_db", None)
        )
        if working and isinstance(threshold_db, float | int):
            knee_db = float(getattr(effect, "knee_db", 0.0) or 0.0)
            knee_db = _value(settings, knobs["knee_db"]) if "knee_db" in knobs else knee_db
            peak_db = before.true_peak_db + _gain_before_db(settings, console)
            if peak_db + BOOST_DB < threshold_db - knee_db / 2:
                silent |= {knob.name for knob in knobs.values()}
                continue
        dynamic |= bool(working)
    audible = {name: value for name, value in settings.items() if name not in silent}
    if not dynamic:
        return {name: value for name, value in audible.items() if name not in GAINS}
    return {name: value for name, value in audible.items() if name not in GAINS[1:]}


def _value(settings: KnobValues, knob: Knob) -> float:
    return settings.get(knob.name, knob.neutral)


def _gain_before_db(settings: KnobValues, console: MixConsole) -> float:
    """Gain in front of the compressor."""
    knob = console.knobs.get(GAINS[0])
    return 0.0 if knob is None else 20 * math.log10(max(_value(settings, knob), 1e-6))
