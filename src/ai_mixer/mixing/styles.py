"""Styles: what is added to the settings of a mix, for the knobs of both consoles for songs."""

from dataclasses import dataclass, field

KnobValues = dict[str, float]
"""Knob name → value in its own unit."""

GENTLE, WIDE = "gentle", "wide"


@dataclass(frozen=True)
class Style:
    """A modification of the predicted settings.

    ranges: option of `configs/ranges`; None for that of the kind of mix. amount: share of the
    predicted settings. minimum: knob → lowest value, in its unit. offsets: knob → offset, added in
    dB or wet share; a factor for a ratio. values: knob → value. needs: a knob without which the
    style is none. target_lufs: loudness target unless one is given or the song is louder.
    """

    about: str
    ranges: str | None = None
    amount: float = 1.0
    minimum: KnobValues = field(default_factory=dict)
    offsets: KnobValues = field(default_factory=dict)
    values: KnobValues = field(default_factory=dict)
    needs: str | None = None
    target_lufs: str | float | None = None

    def offset(self, knob: str, intensity: float) -> float | None:
        """Offset of a knob at an intensity, 1 as it is; None without one."""
        value = self.offsets.get(knob)
        if value is None:
            return None
        return float(value**intensity) if is_factor(knob) else intensity * value


def is_factor(knob: str) -> bool:
    """Whether the offset of a knob is a factor."""
    return knob.endswith("_width") or knob == "presence"


STYLES = {
    "natural": Style("small changes only", ranges=GENTLE, amount=0.7),
    "vocal": Style(
        "a voice in front: less low end, more mids and presence, narrower",
        offsets={
            **{"low_eq": -1.0, "mid_eq": 0.8, "presence": 1.06, "stereo_width": 0.97},
            **{"low_shelf_gain": -1.0, "band3_gain": 0.8, "band4_gain": 1.0, "high_width": 0.97},
        },
    ),
    "loud": Style(
        "for radio and playlists: more compression, -12 LUFS",
        minimum={"compressor_ratio": 2.0},
        target_lufs=-12.0,
    ),
    "creative": Style(
        "larger changes, with reverb, delay and width",
        ranges=WIDE,
        amount=1.2,
        offsets={
            **{"reverb": 0.12, "delay": 0.08, "stereo_width": 1.12},
            **{"saturation_drive": 2.0, "high_width": 1.2, "high_shelf_gain": 1.0},
        },
    ),
    "warm": Style(
        "more bass and low mids, softer treble",
        offsets={
            **{"low_eq": 1.2, "mid_eq": 0.4, "presence": 0.94, "high_eq": -1.5},
            **{"low_shelf_gain": 1.2, "band2_gain": 0.6, "band4_gain": -0.6},
            **{"high_shelf_gain": -1.5, "saturation_drive": 1.0},
        },
    ),
    "bright": Style(
        "more presence and treble, less low mids",
        offsets={
            **{"high_eq": 1.8, "presence": 1.08, "mid_eq": -0.4, "low_eq": -0.4},
            **{"high_shelf_gain": 1.8, "band4_gain": 0.8, "band2_gain": -0.6},
        },
    ),
    "punchy": Style(
        "denser, with more bass and attack",
        minimum={"compressor_ratio": 2.5},
        offsets={
            **{"low_eq": 1.0, "mid_eq": -0.8, "presence": 1.06},
            **{"low_shelf_gain": 1.0, "band2_gain": -1.2, "band4_gain": 0.8},
        },
        values={"compressor_attack": 30.0, "compressor_release": 90.0},
    ),
    "podcast": Style(
        "for speech: low cut, de-essing, mids in front, -16 LUFS",
        offsets={"band3_gain": 1.0, "band2_gain": -1.0, "high_width": 0.8},
        values={"low_cut": 80.0, "high_band_threshold": -40.0, "high_band_ratio": 2.5},
        needs="low_cut",
        target_lufs=-16.0,
    ),
}
