"""The effects, found by import, with knob values and audio for their contract tests.

Range and neutral value of a knob are those of the first console with it, `classic` first.
"""

import pytest
import torch

import ai_mixer.effects
from ai_mixer.config.folder import config_folder
from ai_mixer.console import Console, ConsoleGraph, load_console
from ai_mixer.core.knob import Knob
from ai_mixer.effects.delay_bus import DelayBus
from ai_mixer.effects.effect import Effect
from ai_mixer.effects.limiter import Limiter
from ai_mixer.effects.pan import Pan
from ai_mixer.effects.reverb_bus import ReverbBus
from helpers.discovery import subclasses_in


def track_effects():
    """A console of the effects that only `studio` has, in one chain: pan, delay, reverb."""
    entries, ranges = [], {}
    for cls in (Pan, DelayBus, ReverbBus):
        knobs = {name: knob_of(cls, name) for name in cls.knob_names}
        fields = ("name", "unit", "scale", "neutral")
        specs = {name: {f: getattr(k, f) for f in fields} for name, k in knobs.items()}
        entries.append({"name": cls.__name__, "effect": cls(), "knobs": specs})
        ranges |= {knob.name: (knob.low, knob.high) for knob in knobs.values()}
    return Console(entries, Limiter(), ranges)


def effect_classes():
    return subclasses_in(ai_mixer.effects, Effect)


def console_knobs():
    """Class → argument → Knob, as in the consoles of configs/console."""
    table = {}
    names = sorted(file.stem for file in (config_folder() / "console").glob("*.yaml"))
    for name in sorted(names, key=lambda name: name != "classic"):
        console = load_console(name, "wide")
        for chain in console.chains().values() if isinstance(console, ConsoleGraph) else [console]:
            add_knobs(table, chain)
    return table


def add_knobs(table, chain):
    knobs = iter(chain.knobs)
    for effect in chain.effects.values():
        own = {name: next(knobs) for name in effect.knob_names}
        table.setdefault(type(effect), own)


CONSOLE_KNOBS = console_knobs()
CLASSES = effect_classes()


def knob_of(cls, name) -> Knob:
    if name not in CONSOLE_KNOBS.get(cls, {}):
        pytest.fail(f"{cls.__name__}: knob {name!r} is in no console of configs/console")
    return CONSOLE_KNOBS[cls][name]


def values_at(cls, position, dtype=torch.float64):
    """Physical values of all knobs of an effect at a position, a number or one per song."""
    position = torch.as_tensor(position, dtype=torch.float64).reshape(-1)
    values = {name: knob_of(cls, name).to_physical(position) for name in cls.knob_names}
    return {name: value.to(dtype) for name, value in values.items()}


def neutral(cls, batch=1, dtype=torch.float64):
    return {n: torch.full((batch,), knob_of(cls, n).neutral, dtype=dtype) for n in cls.knob_names}


def without(cls, name, dtype=torch.float64):
    """Values at which a knob has an influence: neutral, or for a shape knob all others at 0.8."""
    if name not in cls.shape_knobs:
        return neutral(cls, 1, dtype)
    shapes = {n: neutral(cls, 1, dtype)[n] for n in cls.shape_knobs}
    return values_at(cls, 0.8, dtype) | shapes


def music(batch=1, channels=2, seconds=0.5, rate=44_100, seed=0):
    """Noise of varying level with a peak of 0.5 and a side below its mid."""
    generator = torch.Generator().manual_seed(seed)
    length = round(seconds * rate)
    common = torch.randn(batch, 1, length, dtype=torch.float64, generator=generator)
    own = torch.randn(batch, channels, length, dtype=torch.float64, generator=generator)
    swell = 0.2 + torch.sin(torch.linspace(0, 9, length, dtype=torch.float64)).abs()
    x = (common + 0.4 * own) * swell
    return 0.5 * x / x.abs().amax(dim=(1, 2), keepdim=True)
