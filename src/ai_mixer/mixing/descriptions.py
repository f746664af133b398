"""Descriptions of settings and measurements for reports and the terminal."""

from collections.abc import Mapping, Sequence
from math import log10

from ai_mixer.core.knob import Knob
from ai_mixer.listening.labels import format_setting
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_options import KnobValues

MIN_DESCRIBED_DB = 0.05  # smaller changes are not described
KNOB_LABELS = {
    "input_gain": "input gain",
    "compressor_ratio": "compressor",
    "low_eq": "bass (below 120 Hz)",
    "mid_eq": "middle (around 1 kHz)",
    "high_eq": "treble (above 8 kHz)",
    "presence": "presence (around 5 kHz)",
    "delay": "echo",
    "reverb": "room",
    "stereo_width": "stereo width",
    "output_level": "output level",
    "low_shelf_gain": "bass shelf",
    **{f"band{n}_gain": "bell" for n in range(1, 5)},
    "high_shelf_gain": "treble shelf",
    "compressor_makeup": "make-up",
    **{f"{band}_band_ratio": f"{band} band compressor" for band in ("low", "mid", "high")},
    "saturation_drive": "saturation",
    "low_width": "width below 300 Hz",
    "high_width": "width above 300 Hz",
    "mono_bass": "bass in mono below",
    "low_cut": "low cut",
}
FREQUENCY_OF_GAIN = ("_gain", "_frequency")  # endings of the two knobs of a band
SHAPE_ENDINGS = ("_frequency", "_q", "_threshold", "_attack", "_release", "_knee", "_even")
"""Of knobs that say how an effect works; described only as far as the frequency of a band is."""
BAND_LABELS = {
    "sub_bass": "sub bass, 20–60 Hz",
    "bass": "bass, 60–200 Hz",
    "mids": "mids, 200 Hz–2 kHz",
    "high_mids": "high mids, 2–6 kHz",
    "highs": "highs, 6–20 kHz",
}


def describe_settings(settings: KnobValues, knobs: Mapping[str, Knob]) -> list[str]:
    """One phrase for each knob that is not neutral. knobs: those of the console, by name.

    >>> from ai_mixer import load_console
    >>> knobs = {knob.name: knob for knob in load_console().knobs}
    >>> describe_settings({"low_eq": 1.5, "compressor_ratio": 2.0, "reverb": 0.0}, knobs)
    ['bass (below 120 Hz) +1.5 dB', 'compressor 2.0:1']
    >>> knobs = {knob.name: knob for knob in load_console("mastering").knobs}
    >>> describe_settings({"band2_gain": -3.0, "band2_frequency": 400.0, "band2_q": 2.0}, knobs)
    ['bell at 400 Hz −3.0 dB']
    """
    texts = {
        name: describe_knob(knobs[name], value)
        for name, value in settings.items()
        if not name.endswith(SHAPE_ENDINGS)
    }
    return [
        f"{setting_label(name, settings, knobs)} {text}" for name, text in texts.items() if text
    ]


def setting_label(name: str, settings: KnobValues, knobs: Mapping[str, Knob]) -> str:
    """Label of a knob, for the gain of a band with its frequency."""
    return f"{knob_label(name)}{_place(name, settings, knobs)}"


def _place(name: str, settings: KnobValues, knobs: Mapping[str, Knob]) -> str:
    """The frequency of a band, for its gain."""
    frequency = name.removesuffix(FREQUENCY_OF_GAIN[0]) + FREQUENCY_OF_GAIN[1]
    if not name.endswith(FREQUENCY_OF_GAIN[0]) or frequency not in knobs:
        return ""
    value = settings.get(frequency, knobs[frequency].neutral)
    return f" at {value:.0f} Hz" if value < 1000 else f" at {value / 1000:.1f} kHz"


def knob_label(name: str) -> str:
    """Label of a knob; its name in words if there is none."""
    return KNOB_LABELS.get(name, name.replace("_", " "))


def describe_knob(knob: Knob, value: float) -> str:
    """Describe the setting of one knob by its unit; empty if it is neutral.

    >>> width = Knob("stereo_width", "ratio", 0.4, 2.5, "log", 1.0)
    >>> [describe_knob(width, 1.1), describe_knob(width, 1.0)]
    ['10 % wider', '']
    >>> describe_knob(Knob("pre_delay", "ms", 0.0, 100.0, "linear", 0.0), 12.5)
    '12.5 ms'
    """
    if knob.unit == "ratio" and knob.name.endswith("_width"):
        percent = 100 * (value - 1)
        direction = "wider" if percent > 0 else "narrower"
        return f"{abs(percent):.0f} % {direction}" if abs(percent) >= 1 else ""
    if knob.unit == "dB" or (knob.unit == "ratio" and value > 0):
        value_db = value if knob.unit == "dB" else 20 * log10(value)
        neutral_db = knob.neutral if knob.unit == "dB" else 20 * log10(max(knob.neutral, 1e-9))
        is_changed = abs(value_db - neutral_db) >= MIN_DESCRIBED_DB
        return with_minus(f"{value_db:+.1f} dB") if is_changed else ""
    if knob.unit == ":1":
        return f"{value:.1f}:1" if abs(value - knob.neutral) >= 0.05 else ""
    text = format_setting(value, knob.unit)
    return text if text != format_setting(knob.neutral, knob.unit) else ""


def measurement_rows(before: Measurements, after: Measurements) -> list[tuple[str, str, str]]:
    """Rows of (quantity, before, after) as text."""
    rows = [
        ("loudness", f"{before.loudness_lufs:.1f} LUFS", f"{after.loudness_lufs:.1f} LUFS"),
        ("true peak", f"{before.true_peak_db:.1f} dBTP", f"{after.true_peak_db:.1f} dBTP"),
        ("crest (peak over mean)", f"{before.crest_db:.1f} dB", f"{after.crest_db:.1f} dB"),
        ("loudness range", f"{before.range_lu:.1f} LU", f"{after.range_lu:.1f} LU"),
    ]
    if before.width_db is not None and after.width_db is not None:
        rows.append(("side over mid", f"{before.width_db:.1f} dB", f"{after.width_db:.1f} dB"))
    rows += [
        (BAND_LABELS[name], f"{level:.1f} dB", f"{after.bands_db[name]:.1f} dB")
        for name, level in before.bands_db.items()
    ]
    return [(name, with_minus(first), with_minus(second)) for name, first, second in rows]


def summary_line(
    before: Measurements, after: Measurements, changes: Sequence[str], reduction_db: float = 0.0
) -> str:
    """One line about a mix, for the terminal. changes: from `describe_settings`."""
    loudness = f"{before.loudness_lufs:.1f} → {after.loudness_lufs:.1f} LUFS"
    peak = f"peak {after.true_peak_db:.1f} dBTP{describe_limiter(reduction_db)}"
    return f"{', '.join(changes) or 'no changes'}; {with_minus(f'{loudness}, {peak}')}"


def describe_limiter(reduction_db: float) -> str:
    """`, limiter −2.1 dB` if it does something."""
    return f", limiter −{reduction_db:.1f} dB" if reduction_db >= MIN_DESCRIBED_DB else ""
