"""Descriptions of settings and measurements for reports and the terminal."""

from math import log10

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
}
BAND_LABELS = {
    "sub_bass": "sub bass, 20–60 Hz",
    "bass": "bass, 60–200 Hz",
    "mids": "mids, 200 Hz–2 kHz",
    "high_mids": "high mids, 2–6 kHz",
    "highs": "highs, 6–20 kHz",
}


def describe_settings(settings: KnobValues) -> list[str]:
    """One phrase for each knob that is not neutral.

    >>> describe_settings({"low_eq": 1.5, "compressor_ratio": 2.0, "reverb": 0.0})
    ['bass (below 120 Hz) +1.5 dB', 'compressor 2.0:1']
    """
    return [
        f"{KNOB_LABELS.get(k, k)} {text}"
        for k, v in settings.items()
        if (text := describe_knob(k, v))
    ]


def describe_knob(knob: str, value: float) -> str:
    """Describe the setting of one knob; empty if it is neutral.

    >>> [describe_knob("stereo_width", 1.1), describe_knob("input_gain", 1.0)]
    ['10 % wider', '']
    """
    if knob == "compressor_ratio":
        return f"{value:.1f}:1" if value >= 1.05 else ""
    if knob in {"delay", "reverb"}:
        return f"{100 * value:.0f} %" if value >= 0.005 else ""
    if knob == "stereo_width":
        percent = 100 * (value - 1)
        direction = "wider" if percent > 0 else "narrower"
        return f"{abs(percent):.0f} % {direction}" if abs(percent) >= 1 else ""
    value_db = value if knob.endswith("_eq") else 20 * log10(value)
    return f"{value_db:+.1f} dB" if abs(value_db) >= MIN_DESCRIBED_DB else ""


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
    return rows


def summary_line(before: Measurements, after: Measurements, settings: KnobValues) -> str:
    """One line about a mix, for the terminal."""
    changes = ", ".join(describe_settings(settings)) or "no changes"
    loudness = f"{before.loudness_lufs:.1f} → {after.loudness_lufs:.1f} LUFS"
    return f"{changes}; {loudness}, peak {after.true_peak_db:.1f} dBTP"
