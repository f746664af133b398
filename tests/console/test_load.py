import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console import Console, load_console

# The ten that the design names; others may join them.
# knob: unit, scale, musical, gentle, wide, neutral
TABLE = {
    "input_gain": ("ratio", "log", (0.8, 1.2), (0.85, 1.15), (0.25, 4), 1),
    "compressor_ratio": (":1", "slope", (1, 4), (1, 3), (1, 8), 1),
    "low_eq": ("dB", "linear", (-3, 3), (-2, 2), (-6, 6), 0),
    "mid_eq": ("dB", "linear", (-2, 2), (-2, 2), (-6, 6), 0),
    "high_eq": ("dB", "linear", (-3, 3), (-2, 2), (-6, 6), 0),
    "presence": ("ratio", "log", (0.8, 1.1), (0.9, 1.1), (0.5, 2), 1),
    "delay": ("wet", "linear", (0, 0.2), (0, 0.15), (0, 0.5), 0),
    "reverb": ("wet", "linear", (0, 0.3), (0, 0.25), (0, 0.6), 0),
    "stereo_width": ("ratio", "log", (0.9, 1.1), (0.95, 1.05), (0.4, 2.5), 1),
    "output_level": ("ratio", "log", (0.9, 1.1), (0.95, 1.05), (0.25, 4), 1),
}


@pytest.mark.parametrize(("column", "ranges"), [(2, "musical"), (3, "gentle"), (4, "wide")])
def test_the_table(column, ranges):
    knobs = load_console("classic", ranges).knobs
    found = {k.name: (k.unit, k.scale, (k.low, k.high), k.neutral) for k in knobs}
    expected = {name: (row[0], row[1], row[column], row[5]) for name, row in TABLE.items()}
    designed = {name: row for name, row in found.items() if name in TABLE}
    assert designed == expected
    assert list(designed) == list(expected)  # the order on the wire


def test_fixed_values_of_the_design():
    effects = load_console().effects
    compressor, limiter = effects["compressor"], load_console().limiter
    assert (compressor.threshold_db, compressor.attack_ms, compressor.release_ms) == (-18, 10, 100)
    assert compressor.max_reduction_db == 9
    assert limiter.ceiling == pytest.approx(10 ** (-0.3 / 20))


def test_wide_is_the_default_and_contains_the_others():
    wide = load_console()
    assert wide.names == load_console("classic", "wide").names
    for other in (load_console(ranges="musical"), load_console(ranges="gentle")):
        for inner, outer in zip(other.knobs, wide.knobs, strict=True):
            assert outer.low <= inner.low < inner.high <= outer.high


def test_neutral_and_invertible():
    console = load_console("classic", "musical")
    named = dict(zip(console.names, console.invertible.tolist(), strict=True))
    assert {name for name in TABLE if not named[name]} == {"delay", "reverb"}
    neutral = dict(zip(console.names, console.neutral.tolist(), strict=True))
    assert {name for name in TABLE if neutral[name] == 0} == {"compressor_ratio", "delay", "reverb"}
    assert ((console.neutral >= 0) & (console.neutral <= 1)).all()


def test_overriding_a_fixed_value_as_hydra_does():
    pages = {"console": "console/classic.yaml", "ranges": "ranges/wide.yaml"}
    config = OmegaConf.create({k: OmegaConf.load(config_folder() / v) for k, v in pages.items()})
    place = [entry.name for entry in config.console.chain].index("delay")
    OmegaConf.update(config, f"console.chain.{place}.effect.delay_ms", 250)
    OmegaConf.update(config, "ranges.delay", [0, 0.9])
    console = instantiate(config.console)
    assert isinstance(console, Console)
    assert console.effects["delay"].delay_ms == 250
    assert console.knobs[console.names.index("delay")].high == 0.9


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("studioo", "wide"), "no console named 'studioo': there is classic"),
        (("classic", "huge"), "no ranges named 'huge': there is gentle, musical, wide"),
    ],
)
def test_unknown_pages(names, message):
    with pytest.raises(ValueError, match=message):
        load_console(*names)
