"""Tests of the config files of consoles and ranges."""

import os
import shutil

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.console import Console, load, load_console

# knob: unit, scale, musical, gentle, wide, neutral; other knobs may be added
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
def test_knobs_have_the_specified_units_scales_and_ranges(column, ranges):
    knobs = load_console("classic", ranges).knobs
    rows = {k.name: (k.unit, k.scale, (k.low, k.high), k.neutral) for k in knobs}
    expected = {name: (row[0], row[1], row[column], row[5]) for name, row in TABLE.items()}
    specified = {name: row for name, row in rows.items() if name in TABLE}
    assert specified == expected
    assert list(specified) == list(expected)  # the order of the knobs


def test_fixed_values_of_compressor_and_limiter():
    effects = load_console().effects
    compressor, limiter = effects["compressor"], load_console().limiter
    assert (compressor.threshold_db, compressor.attack_ms, compressor.release_ms) == (-18, 10, 100)
    assert compressor.max_reduction_db == 9
    assert limiter.ceiling == pytest.approx(10 ** (-0.3 / 20))


def test_wide_is_the_default_and_contains_the_other_ranges():
    wide = load_console()
    assert wide.names == load_console("classic", "wide").names
    for other in (load_console(ranges="musical"), load_console(ranges="gentle")):
        for inner, outer in zip(other.knobs, wide.knobs, strict=True):
            assert outer.low <= inner.low < inner.high <= outer.high


def test_neutral_positions_and_invertible_knobs():
    console = load_console("classic", "musical")
    named = dict(zip(console.names, console.invertible.tolist(), strict=True))
    assert {name for name in TABLE if not named[name]} == {"delay", "reverb"}
    neutral = dict(zip(console.names, console.neutral.tolist(), strict=True))
    assert {name for name in TABLE if neutral[name] == 0} == {"compressor_ratio", "delay", "reverb"}
    assert ((console.neutral >= 0) & (console.neutral <= 1)).all()


def test_config_values_can_be_overridden():
    files = {"console": "console/classic.yaml", "ranges": "ranges/classic/wide.yaml"}
    config = OmegaConf.create({k: OmegaConf.load(config_folder() / v) for k, v in files.items()})
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
        (("studioo", "wide"), "console .*'studioo': .*classic"),
        (("classic", "huge"), "ranges of console classic .*'huge': .*gentle, musical, wide"),
    ],
)
def test_unknown_names_list_the_known_ones(names, message):
    with pytest.raises(ValueError, match=message):
        load_console(*names)


def test_a_changed_config_is_read_again(tmp_path, monkeypatch):
    shutil.copytree(config_folder(), tmp_path / "configs")
    monkeypatch.setattr(load, "config_folder", lambda: tmp_path / "configs")
    before = load.load_ranges("wide")
    file = tmp_path / "configs/ranges/classic/wide.yaml"
    text = file.read_text()
    file.write_text(text.replace("low_eq: [-6, 6]", "low_eq: [-5, 5]"))
    os.utime(file, ns=(0, 0))
    assert before["low_eq"] == (-6, 6)
    assert load.load_ranges("wide")["low_eq"] == (-5, 5)


def test_consoles_do_not_share_a_config():
    load._load_group_config("console", "classic").pop("chain")
    assert list(load_console("classic").effects)
