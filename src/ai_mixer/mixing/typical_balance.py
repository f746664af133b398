"""How music is usually balanced, and what of it a song lacks.

Measured on 104 songs of many genres under free licences (every second one of this project's own
collection, 44.1 kHz and more): each band's share of the power of all five, in dB.
"""

from ai_mixer.mixing.descriptions import BAND_LABELS
from ai_mixer.mixing.measurements import Measurements

TYPICAL_BANDS_DB = {  # the tenth, the fiftieth and the ninetieth of a hundred songs
    "sub_bass": (-28.7, -10.7, -5.1),
    "bass": (-8.6, -4.2, -2.2),
    "mids": (-8.2, -3.9, -1.9),
    "high_mids": (-23.3, -16.2, -9.7),
    "highs": (-34.6, -21.2, -14.1),
}
TYPICAL_CREST_DB = (8.0, 15.0)  # what is usual for music
EQ_KNOB_BANDS = {
    "low_eq": ("bass",),
    "mid_eq": ("mids",),
    "presence": ("high_mids",),
    "high_eq": ("highs",),
}


def remarks(measurements: Measurements) -> list[str]:
    """What is unusual about a song, in plain words; empty if nothing is."""
    if measurements.silent:
        return ["the song is silent"]
    said = []
    for name, level in measurements.bands_db.items():
        low, _, high = TYPICAL_BANDS_DB[name]
        if level < low:
            said.append(f"less {BAND_LABELS[name]} than in nine of ten songs")
        if level > high:
            said.append(f"more {BAND_LABELS[name]} than in nine of ten songs")
    if measurements.crest_db < TYPICAL_CREST_DB[0]:
        said.append(
            f"dense: peaks only {measurements.crest_db:.1f} dB over the mean (8 to 15 is usual)"
        )
    if measurements.crest_db > TYPICAL_CREST_DB[1]:
        said.append(f"peaks {measurements.crest_db:.1f} dB over the mean (8 to 15 is usual)")
    if measurements.true_peak_db > -1.0:
        said.append(
            f"peaks at {measurements.true_peak_db:+.1f} dBTP: lossy files of it may clip "
            "(-1 is safe)"
        )
    return said


def balance_correction(measurements: Measurements, share: float) -> dict[str, float]:
    """EQ, knob → value in its unit, that goes `share` of the way to the usual balance.

    Only for a band outside the middle eight of ten songs, and only as far as their edge: what is
    within is taste.
    """
    moves = {}
    for knob, (band,) in EQ_KNOB_BANDS.items():
        low, _, high = TYPICAL_BANDS_DB[band]
        level = measurements.bands_db[band]
        gap_db = share * (min(max(level, low), high) - level)
        moves[knob] = 10 ** (gap_db / 20) if knob == "presence" else gap_db
    return moves
