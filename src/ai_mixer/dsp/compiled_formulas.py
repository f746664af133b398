"""The formulas of `dsp.formulas`, compiled for numbers: coefficients inside an audio thread."""

import numpy as np

from ai_mixer.dsp.formulas import Formula, build
from ai_mixer.utils.compilation import njit

_COMPILED = build(np, njit(cache=False))
_value, _gain, _width, _slope = _COMPILED[:4]
_peak, _presence, _low_shelf, _high_shelf, _low_cut = _COMPILED[4:9]
_dynamics, _band_dynamics, _band_width, _saturation = _COMPILED[9:13]
_pan, _feedback_delay, _feedback_network, _level = _COMPILED[13:]


@njit(cache=True, nogil=True)
def _write(coefficients, row):  # type: ignore[no-untyped-def]
    for k in range(len(coefficients)):
        row[k] = coefficients[k]


@njit(cache=True, nogil=True)
def write_coefficients(formula, a, sample_rate, row):  # type: ignore[no-untyped-def]  # noqa: PLR0912
    """Write the coefficients of physical values a, [A], to a row."""
    if formula == Formula.VALUE:
        _write(_value(a[0], sample_rate), row)
    elif formula == Formula.GAIN:
        _write(_gain(a[0], sample_rate), row)
    elif formula == Formula.WIDTH:
        _write(_width(a[0], sample_rate), row)
    elif formula == Formula.SLOPE:
        _write(_slope(a[0], sample_rate), row)
    elif formula == Formula.PEAK:
        _write(_peak(a[0], a[1], a[2], sample_rate), row)
    elif formula == Formula.PRESENCE:
        _write(_presence(a[0], a[1], a[2], sample_rate), row)
    elif formula == Formula.LOW_SHELF:
        _write(_low_shelf(a[0], a[1], a[2], sample_rate), row)
    elif formula == Formula.HIGH_SHELF:
        _write(_high_shelf(a[0], a[1], a[2], sample_rate), row)
    elif formula == Formula.LOW_CUT:
        _write(_low_cut(a[0], a[1], sample_rate), row)
    elif formula == Formula.DYNAMICS:
        _write(_dynamics(a[0], a[1], a[2], a[3], a[4], a[5], sample_rate), row)
    elif formula == Formula.BAND_DYNAMICS:
        _write(_band_dynamics(a[0], a[1], a[2], a[3], a[4], a[5], sample_rate), row)
    elif formula == Formula.BAND_WIDTH:
        _write(_band_width(a[0], a[1], a[2], sample_rate), row)
    elif formula == Formula.SATURATION:
        _write(_saturation(a[0], a[1], sample_rate), row)
    elif formula == Formula.PAN:
        _write(_pan(a[0], sample_rate), row)
    elif formula == Formula.FEEDBACK_DELAY:
        _write(_feedback_delay(a[0], a[1], a[2], a[3], sample_rate), row)
    elif formula == Formula.FEEDBACK_NETWORK:
        _write(_feedback_network(a[0], a[1], a[2], a[3], sample_rate), row)
    elif formula == Formula.LEVEL:
        _write(_level(a[0], sample_rate), row)
