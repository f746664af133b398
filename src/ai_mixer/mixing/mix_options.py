"""What a musician can ask for: how much of each stage, a style, single knobs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ai_mixer.core.types import Knob

KnobValues = dict[str, float]
"""Knob name → value in its own unit."""

KNOB_GROUPS: dict[str, tuple[str, ...]] = {
    "gain": ("input_gain", "output_level"),
    "compressor": ("compressor_ratio",),
    "eq": ("low_eq", "mid_eq", "high_eq"),
    "presence": ("presence",),
    "delay": ("delay",),
    "reverb": ("reverb",),
    "width": ("stereo_width",),
}
"""A stage of the console, as one asks for it → its knobs."""

MUSICAL, WIDE, GENTLE = "musical", "wide", "gentle"
"""Which page of `configs/ranges` holds: blind mixes, mixes after a reference, enhancement."""


@dataclass(frozen=True)
class Style:
    """A taste beside what the model says.

    ranges: the page that holds; None for what the way of mixing has. amount: of what the model
    says. least: knobs that get at least this much (in their unit). more: what is added to a knob
    in dB or wet, and multiplied where it is a ratio. target: where nobody asks for another.
    """

    about: str
    ranges: str | None = None
    amount: float = 1.0
    minimum: KnobValues = field(default_factory=dict)
    offsets: KnobValues = field(default_factory=dict)
    target: str | float | None = None


STYLES = {
    "natural": Style("as it is, a little better: small moves only", ranges=GENTLE, amount=0.7),
    "vocal": Style(
        "a voice in front: less rumble, more middle and presence, a narrower picture",
        offsets={"low_eq": -1.0, "mid_eq": 0.8, "presence": 1.06, "stereo_width": 0.97},
    ),
    "loud": Style(
        "for radio and playlists: denser, at -12 LUFS",
        minimum={"compressor_ratio": 2.0},
        target=-12.0,
    ),
    "creative": Style(
        "an effect on purpose: larger moves, room, echo, width",
        ranges=WIDE,
        amount=1.2,
        offsets={"reverb": 0.12, "delay": 0.08, "stereo_width": 1.12},
    ),
}


@dataclass(frozen=True)
class MixOptions:
    """What is asked for beside what the model says.

    amount: 0 leaves the song as it is, 1 is the model. amounts: stage or knob → its own amount.
    only: the stages or knobs that may move. set: knob → value in its unit, as it is to be.
    ValueError, saying what there is, for names and numbers that cannot be.
    """

    amount: float = 1.0
    amounts: Mapping[str, float] = field(default_factory=dict)
    only: Collection[str] = ()
    set: Mapping[str, float] = field(default_factory=dict)
    style: str | None = None

    def __post_init__(self) -> None:
        for name, amount in {"amount": self.amount, **self.amounts}.items():
            if not 0 <= amount <= 1:
                raise ValueError(f"{name}={amount:g}: an amount is 0 (nothing) to 1 (all of it)")
        for name in (*self.amounts, *self.only):
            _knobs_of(name)
        if self.style is not None and self.style not in STYLES:
            raise ValueError(f"no style {self.style!r}: there is {', '.join(STYLES)}")

    @property
    def style_settings(self) -> Style:
        """The style, or one that changes nothing."""
        return STYLES[self.style] if self.style else Style("")

    def amount_of(self, knob: str) -> float:
        """How much of the model's move a knob makes: its own amount, its stage's, or that of all.

        >>> MixOptions(0.5, {"eq": 1.0}).amount_of("low_eq")
        1.0
        """
        chosen = {name for word in self.only for name in _knobs_of(word)}
        if self.only and knob not in chosen:
            return 0.0
        own = [amount for name, amount in self.amounts.items() if name == knob]
        stages = [
            amount for name, amount in self.amounts.items() if knob in KNOB_GROUPS.get(name, ())
        ]
        return [*own, *stages, self.amount][0]


def apply_mix_options(
    predicted: Mapping[str, float],
    knobs: Mapping[str, Knob],
    mix_options: MixOptions,
    ranges: Mapping[str, Knob],
) -> KnobValues:
    """The settings: what the model said, held to `ranges`, in the wished amount and style.

    In this order: a model holds back where it is unsure, a style weighs what is left, the ranges
    hold it, and `amount` is a share of that: half a mix is half of what the whole one does.

    said: knob → value in its unit. knobs: the console's, `ranges`: the same with the ends that
    hold. What is `set` by hand may go as far as the console goes. Rounded to four places, so that
    a written preset gives the same samples. ValueError for a value that the console cannot have.
    """
    unknown = sorted(set(mix_options.set) - set(knobs))
    if unknown:
        raise ValueError(f"no knob named {unknown[0]!r}: there is {', '.join(knobs)}")
    style_settings = mix_options.style_settings
    settings = {}
    for name, knob in knobs.items():
        value = predicted.get(name, knob.neutral)
        amount = mix_options.amount_of(name)
        value = _scaled(
            _clamp(_scaled(value, style_settings.amount, knob), ranges[name]), amount, knob
        )
        if amount > 0:
            value = _apply_style(name, value, knob, style_settings)
        settings[name] = round(float(mix_options.set.get(name, _clamp(value, knob))), 4)
    return settings


def _apply_style(name: str, value: float, knob: Knob, style_settings: Style) -> float:
    if name in style_settings.offsets:
        value = (
            value * style_settings.offsets[name]
            if knob.unit == "ratio"
            else value + style_settings.offsets[name]
        )
    return max(value, style_settings.minimum.get(name, value))


def _scaled(value: float, amount: float, knob: Knob) -> float:
    """`amount` of the way from neutral, on the knob's own scale: half of 4 dB is 2 dB.

    A ratio is halved in dB, a compressor's in its slope.
    """
    if amount == 1:
        return value
    if knob.scale == "log":
        return float(knob.neutral * (value / knob.neutral) ** amount)
    if knob.scale == "slope":
        return 1.0 / (1.0 - min(amount * (1.0 - 1.0 / value), 0.99))
    return knob.neutral + amount * (value - knob.neutral)


def _clamp(value: float, knob: Knob) -> float:
    return min(max(value, knob.low), knob.high)


def _knobs_of(name: str) -> tuple[str, ...]:
    every = {knob for knobs in KNOB_GROUPS.values() for knob in knobs}
    if name not in KNOB_GROUPS and name not in every:
        raise ValueError(f"no stage or knob {name!r}: the stages are {', '.join(KNOB_GROUPS)}")
    return KNOB_GROUPS.get(name, (name,))
