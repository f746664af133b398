"""Options of a mix: amounts of knob groups, styles, fixed settings."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ai_mixer.mixing.styles import GENTLE, STYLES, WIDE, KnobValues, Style

__all__ = ["ASPECTS", "GENTLE", "KNOB_GROUPS", "MUSICAL", "STYLES", "WIDE", "KnobValues"]
__all__ += ["MixOptions", "Style"]

KNOB_GROUPS: dict[str, tuple[str, ...]] = {
    "gain": ("input_gain", "output_level", "compressor_makeup", "level"),
    "compressor": tuple(
        f"compressor_{name}" for name in ("ratio", "threshold", "attack", "release", "knee")
    ),
    "multiband": tuple(
        f"{band}_band_{name}" for band in ("low", "mid", "high") for name in ("threshold", "ratio")
    ),
    "saturation": ("saturation_drive", "saturation_even"),
    "eq": (
        *("low_eq", "mid_eq", "high_eq", "low_cut"),
        *(f"{end}_shelf_{name}" for end in ("low", "high") for name in ("frequency", "gain")),
        *(f"band{n}_{name}" for n in range(1, 5) for name in ("frequency", "gain", "q")),
    ),
    "presence": ("presence",),
    "delay": ("delay",),
    "reverb": ("reverb",),
    "width": ("stereo_width", "low_width", "high_width", "mono_bass"),
}
"""Name of a group → its knobs, of all consoles."""

ASPECTS: dict[str, tuple[str, ...]] = {
    "tone": ("eq", "presence"),
    "dynamics": ("compressor", "multiband", "saturation"),
    "width": ("width",),
    "level": ("gain",),
}
"""What of a reference may be matched → the groups of knobs that do it."""

MUSICAL = "musical"
"""Options of `configs/ranges` for blind mixes, mixes with a reference, and enhancement."""


@dataclass(frozen=True)
class MixOptions:
    """Options that modify the predicted settings.

    amount: 0 leaves the song unchanged, 1 applies the prediction; with a reference, 1 goes all the
    way to its tone and width, and None as far as the difference is certain. group_amounts: group or
    knob → its own amount. only_groups: groups or knobs that may change; all if empty.
    fixed_settings: knob → value in its unit, in place of the predicted one. units: knob → unit of
    its value, where it is another one (`MixConsole.resolve`). style: a key of STYLES. intensity: of
    its offsets, 1 as they are. aspects: keys of ASPECTS, what of a reference is matched; all if
    empty. strict: refuse files that cannot be read whole. ValueError for an unknown style or
    aspect, or an amount outside 0 to 1; `check_names` checks the knobs.
    """

    amount: float | None = None
    group_amounts: Mapping[str, float] = field(default_factory=dict)
    only_groups: Collection[str] = ()
    fixed_settings: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    style: str | None = None
    intensity: float = 1.0
    strict: bool = False
    aspects: Collection[str] = ()

    def __post_init__(self) -> None:
        for name in ("only_groups", "aspects"):  # equal options compare equal, whatever collection
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, amount in {"amount": self.amount, **self.group_amounts}.items():
            if amount is not None and not 0 <= amount <= 1:
                raise ValueError(f"{name}={amount:g}: an amount must be 0 (none) to 1 (all)")
        if self.style is not None and self.style not in STYLES:
            raise ValueError(f"no style {self.style!r}: the styles are {', '.join(STYLES)}")
        for name in self.aspects:
            if name not in ASPECTS:
                raise ValueError(f"cannot match {name!r}: there is {', '.join(ASPECTS)}")

    def check_names(self, knobs: Collection[str]) -> None:
        """ValueError for a group or knob that a console with these knobs does not have."""
        for name in (*self.group_amounts, *self.only_groups):
            if not set(KNOB_GROUPS.get(name, (name,))) & set(knobs):
                groups = [group for group, members in KNOB_GROUPS.items() if {*members} & {*knobs}]
                others = set(knobs).difference(*KNOB_GROUPS.values())
                known = ", ".join([*groups, *sorted(others)])
                raise ValueError(f"no group or knob {name!r}: the groups are {known}")

    @property
    def style_settings(self) -> Style:
        """The style, or one that changes nothing."""
        return STYLES[self.style] if self.style else Style("")

    @property
    def plain(self) -> "MixOptions":
        """Without style and fixed settings: what a reference is compared with."""
        return replace(self, style=None, fixed_settings={})

    def amount_of(self, knob: str) -> float:
        """Amount of a knob: its own, else that of its group, else that of all knobs.

        >>> MixOptions(0.5, {"eq": 1.0}).amount_of("low_eq")
        1.0
        """
        unmatched = {
            group for aspect in ASPECTS if not self.matches(aspect) for group in ASPECTS[aspect]
        }
        if any(knob in KNOB_GROUPS[group] for group in unmatched):
            return 0.0
        allowed = {k for name in self.only_groups for k in KNOB_GROUPS.get(name, (name,))}
        if self.only_groups and knob not in allowed:
            return 0.0
        if knob in self.group_amounts:
            return self.group_amounts[knob]
        for name, amount in self.group_amounts.items():
            if knob in KNOB_GROUPS.get(name, ()):
                return amount
        return 1.0 if self.amount is None else self.amount

    def matches(self, aspect: str) -> bool:
        """Whether this aspect of a reference is matched."""
        return not self.aspects or aspect in self.aspects

    def share_of(self, aspect: str) -> float | None:
        """Share of the whole difference to a reference, for `tone` or `width`.

        None for as far as it is certain.

        >>> MixOptions(0.5, only_groups=["width"]).share_of("tone")
        0.0
        """
        group = ASPECTS[aspect][0]
        if not self.matches(aspect) or (self.only_groups and group not in self.only_groups):
            return 0.0
        return self.group_amounts.get(group, self.amount)
