"""The console that a song is mixed with: that of the model, or a packaged one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

from omegaconf import OmegaConf

from ai_mixer.config.allowed_targets import config_from_card
from ai_mixer.config.folder import config_folder
from ai_mixer.config.renamed import translate_config
from ai_mixer.console import Console
from ai_mixer.core.knob import Knob
from ai_mixer.inference.builders import build_console
from ai_mixer.inference.predictor import Predictor
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.mix_options import KNOB_GROUPS, WIDE, MixOptions
from ai_mixer.mixing.quantities import knob_name, knob_value

ALLOWED_IN_PRESETS = ("ai_mixer.console.", "ai_mixer.effects.")

ConsoleEntry = str | Mapping[str, Any]
"""A console in a preset: its name, or its config if it is not one of `configs/console`."""


class Limits(NamedTuple):
    """Lowest and highest value of a knob, in its unit."""

    low: float
    high: float


@dataclass(frozen=True)
class MixConsole:
    """A console for mixes.

    console: renders the mix. knobs: name → knob, with the ranges of the model's run. entry: how a
    preset records the console.
    """

    console: Console
    knobs: Mapping[str, Knob]
    entry: ConsoleEntry

    def limits(self, ranges: str) -> dict[str, Limits]:
        """Limits of an option of `configs/ranges`, within those of the console.

        Knobs that the packaged console (for a console of one's own, `classic`) does not have keep
        their own, and all knobs for WIDE.
        """
        name = self.entry if isinstance(self.entry, str) else console_cache.CONSOLE_NAME
        option = {} if ranges == WIDE else console_cache.knobs_by_name(ranges, name)
        return {name: _within(knob, option.get(name)) for name, knob in self.knobs.items()}

    @property
    def shapes(self) -> frozenset[str]:
        """Knobs that have no amount of their own, such as the frequency of a band."""
        return frozenset(
            self.console.names[column]
            for effect, columns in self.console.effects_with_columns()
            for argument, column in columns.items()
            if argument in effect.shape_knobs
        )

    def resolve(self, options: MixOptions) -> MixOptions:
        """Options with names and units as people write them → those of the knobs.

        ValueError (one line) for a unit that a knob does not have.
        """
        fixed = {}
        for given, value in options.fixed_settings.items():
            name = knob_name(given, self.knobs)
            unit = options.units.get(given, "")
            fixed[name] = knob_value(self.knobs[name], value, unit) if name in self.knobs else value
        amounts = {self._group(name): amount for name, amount in options.group_amounts.items()}
        only = [self._group(name) for name in options.only_groups]
        return replace(
            options, fixed_settings=fixed, units={}, group_amounts=amounts, only_groups=only
        )

    def _group(self, name: str) -> str:
        """A group, or the knob that a name means."""
        return name if name in KNOB_GROUPS else knob_name(name, self.knobs)

    def check(self, mix_options: MixOptions) -> None:
        """ValueError (one line) if the options name unknown knobs or values out of range."""
        mix_options.check_names(self.knobs)
        needed = mix_options.style_settings.needs
        if needed is not None and needed not in self.knobs:
            raise ValueError(
                f"--style {mix_options.style}: needs the knob {needed}: ai-mixer master has it"
            )
        for name, value in mix_options.fixed_settings.items():
            knob = self.knobs.get(name)
            if knob is None:
                raise ValueError(f"no knob named {name!r}: the knobs are {', '.join(self.knobs)}")
            if not knob.low <= value <= knob.high:
                raise ValueError(
                    f"{name} is {value:g} {knob.unit}: it goes from {knob.low:g} to {knob.high:g}"
                )


@lru_cache
def default_console() -> MixConsole:
    """`classic` with its widest ranges, for presets and everything without a model."""
    return named_console(console_cache.CONSOLE_NAME)


@lru_cache
def named_console(name: str) -> MixConsole:
    """A packaged console with its widest ranges. ValueError (one line) for another name."""
    if name not in console_cache.CONSOLE_NAMES:
        known = ", ".join(console_cache.CONSOLE_NAMES)
        raise ValueError(f"no console for songs named {name!r}: there is {known}")
    knobs = console_cache.knobs_by_name(console=name)
    return MixConsole(console_cache.shared_console(name), knobs, name)


@lru_cache(maxsize=4)
def console_of(predictor: Predictor) -> MixConsole:
    """The console of a model, with the ranges of its run."""
    knobs = {knob.name: knob for knob in predictor.console.knobs}
    config = cast(dict[str, Any], OmegaConf.to_container(predictor.config.console, resolve=True))
    for name in console_cache.CONSOLE_NAMES:
        if _is_packaged(name, config, knobs):
            return MixConsole(console_cache.shared_console(name), knobs, name)
    return MixConsole(predictor.console, knobs, config)


def console_from_entry(entry: Any) -> MixConsole:
    """The console that a preset records. ValueError (one line) if it cannot be built."""
    if isinstance(entry, str) and entry in console_cache.CONSOLE_NAMES:
        return named_console(entry)
    if not isinstance(entry, dict):
        names = ", ".join(console_cache.CONSOLE_NAMES)
        raise ValueError(f"must be {names} or the config of a console")
    for target in _targets(entry):
        if not target.startswith(ALLOWED_IN_PRESETS):
            raise ValueError(f"{target} is neither a console nor an effect of ai_mixer")
    try:
        console = build_console(config_from_card(translate_config({"console": entry})))
        knobs = {knob.name: knob for knob in console.knobs}
    except Exception as error:  # the arguments are those of a file: a constructor raises anything
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"cannot be built: {reason}") from error
    return MixConsole(console, knobs, entry)


def _is_packaged(name: str, config: Mapping[str, Any], knobs: Mapping[str, Knob]) -> bool:
    """Whether this is a packaged console with ranges inside its widest ones, or equal to them."""
    file = config_folder() / "console" / f"{name}.yaml"
    page = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.load(file), resolve=False))
    if any(config.get(key) != page.get(key) for key in (config.keys() | page.keys()) - {"ranges"}):
        return False
    wide = console_cache.knobs_by_name(console=name)
    return all(
        wide[name].low <= knob.low and knob.high <= wide[name].high for name, knob in knobs.items()
    )


def _within(knob: Knob, option: Knob | None) -> Limits:
    """The limits of both; those of the knob if the option is for another knob of this name."""
    same = option is not None and (option.unit, option.scale) == (knob.unit, knob.scale)
    if option is None or not same:
        return Limits(knob.low, knob.high)
    return Limits(max(knob.low, option.low), min(knob.high, option.high))


def _targets(node: Any) -> list[str]:
    """Every `_target_` of a config, at any depth."""
    if isinstance(node, dict):
        own = [str(node["_target_"])] if "_target_" in node else []
        return own + [target for value in node.values() for target in _targets(value)]
    if isinstance(node, list):
        return [target for value in node for target in _targets(value)]
    return []
