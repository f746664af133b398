"""Typical spectral balance of music, and a song's deviation from it.

Measured on 104 songs of many genres under free licences (every second song of the project's
collection, 44.1 kHz and more): each band's share in the power of all five, in dB.
"""

from ai_mixer.dsp.loudness import ABSOLUTE_GATE_LUFS
from ai_mixer.mixing.descriptions import BAND_LABELS
from ai_mixer.mixing.measurements import Measurements

TYPICAL_BANDS_DB = {  # 10th, 50th and 90th percentile
    "sub_bass": (-28.7, -10.7, -5.1),
    "bass": (-8.6, -4.2, -2.2),
    "mids": (-8.2, -3.9, -1.9),
    "high_mids": (-23.3, -16.2, -9.7),
    "highs": (-34.6, -21.2, -14.1),
}
TYPICAL_CREST_DB = (8.0, 15.0)
TYPICAL_WIDTH_DB = (-12.6, -0.9)  # side over mid; 10th and 90th percentile of 123 excerpts of 6 s
EQ_KNOB_BANDS = {
    "low_eq": ("bass",),
    "mid_eq": ("mids",),
    "presence": ("high_mids",),
    "high_eq": ("highs",),
}


def remarks(measurements: Measurements) -> list[str]:
    """Remarks on unusual properties of a song; empty if there are none."""
    if measurements.silent:
        return ["the song is silent"]
    texts = []
    if measurements.loudness_lufs < ABSOLUTE_GATE_LUFS:
        gate = f"the gate of the loudness meter, {ABSOLUTE_GATE_LUFS:g} LUFS"
        texts.append(f"below {gate}: loudness is measured without it")
    for name, level in measurements.bands_db.items():
        low, _, high = TYPICAL_BANDS_DB[name]
        if level < low:
            texts.append(f"less {BAND_LABELS[name]} than in nine of ten songs")
        if level > high:
            texts.append(f"more {BAND_LABELS[name]} than in nine of ten songs")
    if measurements.crest_db < TYPICAL_CREST_DB[0]:
        texts.append(f"low crest: {measurements.crest_db:.1f} dB (8 to 15 is usual)")
    if measurements.crest_db > TYPICAL_CREST_DB[1]:
        texts.append(f"high crest: {measurements.crest_db:.1f} dB (8 to 15 is usual)")
    if measurements.true_peak_db > -1.0:
        texts.append(
            f"peaks at {measurements.true_peak_db:+.1f} dBTP: lossy files of it may clip "
            "(-1 is safe)"
        )
    return texts


def balance_correction(measurements: Measurements, share: float) -> dict[str, float]:
    """Settings of the equaliser that correct `share` of the deviation from the typical balance.

    Only bands outside the 10th to 90th percentile are corrected, towards the nearer one. Returns
    knob → value in its unit.
    """
    settings = {}
    for knob, (band,) in EQ_KNOB_BANDS.items():
        low, _, high = TYPICAL_BANDS_DB[band]
        level = measurements.bands_db[band]
        gain_db = share * (min(max(level, low), high) - level)
        settings[knob] = 10 ** (gain_db / 20) if knob == "presence" else gain_db
    return settings
