"""Presets and projects that a mix leaves for DAWs, and presets read back."""

import base64
import contextlib
import os
import zipfile
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import soundfile

from ai_mixer.mastering.delivery import DeliveryResult
from ai_mixer.mixing.mix_console import named_console
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.preset import PresetSection, single_section_preset
from ai_mixer.plugin.builtin_devices import Band, bands, compressors
from ai_mixer.plugin.daw_files import check_daw, daw_folder, load_any_preset, write_daw_files
from ai_mixer.plugin.daw_song import daw_song, differences
from ai_mixer.plugin.identity import load_plugin, parameter_id
from ai_mixer.plugin.presets import read_preset, read_state, write_state, write_vstpreset
from helpers.plugins import off_neutral

CONSOLES = ["classic", "mastering", "strip"]


@pytest.fixture
def result(tmp_path):
    """A function: console → the result of a mix, with its files."""

    def made(console="classic", **fields):
        noise = np.random.default_rng(0).standard_normal((11_025, 2)) * 0.05
        for name in ("my song.wav", "my song_mixed.wav"):
            soundfile.write(tmp_path / name, noise, 44_100, "PCM_24")
        settings = off_neutral(load_plugin(console), 3)
        preset = single_section_preset(settings, console=named_console(console), **fields)
        delivered = DeliveryResult(-20.0, -18.0, -18.0, -3.0, -2.5, 0.0, True)
        files = (tmp_path / "my song.wav", tmp_path / "my song_mixed.wav")
        return MixResult(*files, preset, None, None, [], delivered=delivered)

    return made


def written(result):
    """The folder of a result, and the file of a suffix in it."""
    noted = write_daw_files(result)
    folder = daw_folder(result.output)
    return noted, folder, lambda suffix: folder / f"my song_mixed{suffix}"


@pytest.mark.parametrize("console", CONSOLES)
def test_states_are_read_back(console):
    plugin = load_plugin(console)
    settings = off_neutral(plugin, 5)
    state = write_state(plugin, settings)
    assert state.startswith(f"ai_mixer 1 {console}\n".encode())
    assert state.endswith(b"\nbypass 0\n")
    assert read_state(state).settings == settings
    assert read_state(f"ai_mixer 1 {console}\n".encode()).settings == {
        knob.name: knob.neutral for knob in plugin.chain.knobs
    }


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (b"", "damaged"),
        (b"ai_mixer 1 classic", "damaged"),
        (b"vital 1 classic\n", "another program"),
        (b"ai_mixer 2 classic\n", "its version is 2, this ai_mixer reads 1"),
        (b"ai_mixer 1 nothing\n", "no console named 'nothing'"),
        (b"ai_mixer 1 classic\nlow_eq nan\n", "'low_eq nan' is not a knob with its value"),
        (b"ai_mixer 1 classic\nlow_eq\n", "'low_eq' is not a knob"),
        (b"ai_mixer 1 classic\n" + b"a 1\n" * 20_000, "damaged"),
    ],
)
def test_other_bytes_than_a_state_are_refused(tmp_path, state, reason):
    path = tmp_path / "x.clap-state"
    path.write_bytes(state)
    with pytest.raises(ValueError, match=rf"{path} is not a preset of .*{reason}"):
        load_any_preset(path)


def test_values_out_of_range_are_set_to_the_end_and_unknown_knobs_left_out():
    read = read_state(b"ai_mixer 1 classic\nlow_eq 99\nold_knob 3\n")
    assert read.settings["low_eq"] == 6.0
    assert "old_knob" not in read.settings


def test_damaged_preset_files_are_value_errors(tmp_path):
    plugin, random = load_plugin("classic"), np.random.default_rng(1)
    valid = write_vstpreset(plugin, off_neutral(plugin))
    path, read = tmp_path / "x.vstpreset", 0
    for number in range(300):
        changed = bytearray(valid[: int(random.integers(len(valid)))] if number % 2 else valid)
        if changed:
            changed[random.integers(len(changed))] = random.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(ValueError):  # anything else is a defect
            assert set(read_preset(path).settings) == set(plugin.chain.names)
            read += 1
    assert 10 < read < 200


@pytest.mark.parametrize("console", ["classic", "mastering"])
@pytest.mark.parametrize("suffix", [".vstpreset", ".clap-state", ".lv2"])
def test_presets_of_a_mix_are_read_back(result, console, suffix):
    mixed = result(console)
    _, _, file = written(mixed)
    read = load_any_preset(file(suffix))
    assert read.console is named_console(console)
    assert read.settings == pytest.approx(mixed.preset.settings, rel=1e-12)
    if suffix != ".lv2":
        assert read.settings == mixed.preset.settings


def test_preset_of_the_strip_is_for_tracks(tmp_path):
    path = tmp_path / "x.vstpreset"
    path.write_bytes(write_vstpreset(load_plugin("strip"), {}))
    with pytest.raises(ValueError, match="is of ai_mixer Strip, for one track: a song needs"):
        load_any_preset(path)


def test_missing_preset_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.vstpreset: No such file"):
        load_any_preset(tmp_path / "none.vstpreset")


@pytest.mark.parametrize("console", ["classic", "mastering"])
def test_dawproject_has_the_song_the_plugin_and_the_mix(result, console):
    mixed = result(console)
    _, _, file = written(mixed)
    with zipfile.ZipFile(file(".dawproject")) as archive:
        project = Xml.fromstring(archive.read("project.xml"))
        paths = [element.get("path") for element in project.iter() if element.get("path")]
        assert set(paths) <= set(archive.namelist())
        source = archive.read("audio/song/my song.wav")
        (state,) = [path for path in paths if path.endswith(".vstpreset")]
        preset = archive.read(state)
    assert source == mixed.song.read_bytes()
    plugin = load_plugin(console)
    assert preset == write_vstpreset(plugin, mixed.preset.settings)
    device = project.find(".//Vst3Plugin")
    assert device.get("deviceID") == plugin.uid
    own = {int(p.get("parameterID")): float(p.get("value")) for p in device.find("Parameters")}
    assert set(own) == {parameter_id(name) for name in plugin.chain.names}
    assert all(0 <= value <= 1 for value in own.values())
    first, second = project.findall(".//Channel[@role='regular']")
    assert float(first.find("Volume").get("value")) == pytest.approx(10 ** (-2.5 / 20))
    mutes = [channel.find("Mute").get("value") for channel in (first, second)]
    assert mutes == ["false", "true"]
    assert [e.find("Enabled").get("value") for e in project.iter("Equalizer")] == ["false"]


def test_dawproject_is_valid_against_the_published_schema(result):
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
    folder = Path(os.environ.get("AI_MIXER_MUSIC", "/none")).parent / "dawproject"
    if not (folder / "Project.xsd").is_file():
        pytest.skip("no schema of DAWproject beside the folder AI_MIXER_MUSIC")
    for console in ("classic", "mastering"):
        _, _, file = written(result(console))
        with zipfile.ZipFile(file(".dawproject")) as archive:
            for name, schema in (("project", "Project"), ("metadata", "MetaData")):
                rules = etree.XMLSchema(etree.parse(folder / f"{schema}.xsd"))
                document = etree.fromstring(archive.read(f"{name}.xml"))
                assert rules.validate(document), rules.error_log


def test_reaper_project_is_read_by_another_parser(result):
    rpp = pytest.importorskip("rpp", reason="rpp is not installed")
    mixed = result()
    _, folder, file = written(mixed)
    project = rpp.loads(file(".rpp").read_text())
    assert project.tag == "REAPER_PROJECT"
    first, second = project.findall(".//TRACK")
    assert float(first.find("VOLPAN")[1]) == pytest.approx(10 ** (-2.5 / 20))
    assert [track.find("MUTESOLO")[1] for track in (first, second)] == ["0", "1"]
    (path,) = [source.find("FILE")[1] for source in first.findall(".//SOURCE")]
    assert (folder / path).resolve() == mixed.song.resolve()
    plugin = first.find(".//CLAP")
    assert plugin.attrib[1] == "ai-mixer.classic"
    state = b"".join(base64.b64decode(line) for line in plugin.find("STATE").children)
    assert read_state(state).settings == mixed.preset.settings


def test_note_names_what_the_plugin_has_not(result):
    mixed = result()
    limited = mixed.delivered._replace(reduction_db=1.25)
    noted, _, _ = written(mixed._replace(delivered=limited))
    assert noted.notes == [
        "ai_mixer Classic and fader -2.5 dB in my song_mixed_daw; "
        "the mix also has the limiter behind the fader (1.2 dB)"
    ]
    assert differences(mixed) == []
    assert differences(result(expand_db=1.0)) == ["the expander"]


def test_a_folder_is_replaced_only_by_force(result):
    mixed = result()
    _, folder, _ = written(mixed)
    (folder / "old").touch()
    files, console = [ResultFiles(mixed.output, mixed.output)], named_console("classic")
    with pytest.raises(FileExistsError, match="--force overwrites it"):
        check_daw(files, console, adaptive=False, force=False)
    check_daw(files, console, adaptive=False, force=True)
    written(mixed)
    assert not (folder / "old").exists()


def test_what_has_no_plugin_is_refused(result):
    mixed = result()
    files, console = [ResultFiles(mixed.output)], named_console("classic")
    with pytest.raises(ValueError, match="without --adaptive"):
        check_daw(files, console, adaptive=True, force=False)
    with pytest.raises(ValueError, match="standard output has no folder"):
        check_daw(files, console, adaptive=False, force=False)
    own = console.__class__(console.console, console.knobs, {"_target_": "mine"})
    with pytest.raises(ValueError, match="plug-ins of packaged consoles only"):
        check_daw(files, own, adaptive=False, force=False)
    sections = tuple(PresetSection(start, mixed.preset.settings) for start in (0.0, 1.0))
    preset = mixed.preset.__class__(sections)
    with pytest.raises(ValueError, match="a preset of a plug-in has one section"):
        daw_song(mixed._replace(preset=preset))


def test_filters_are_bands_of_an_equaliser():
    plugin = load_plugin("classic")
    settings = {k.name: k.neutral for k in plugin.chain.knobs} | {"low_eq": 3.0, "presence": 2.0}
    found = bands(plugin, settings)
    assert found[0] == Band("lowShelf", 120.0, 3.0, 0.71)
    assert [band.kind for band in found] == ["lowShelf", "bell", "highShelf", "bell"]
    assert found[3].gain_db == pytest.approx(6.02, abs=0.01)
    (compressor,) = compressors(plugin, settings)
    assert (compressor.threshold_db, compressor.ratio) == (-18.0, 1.0)
    mastering = load_plugin("mastering")
    settings = {k.name: k.neutral for k in mastering.chain.knobs}
    assert "highPass" not in [band.kind for band in bands(mastering, settings)]
    settings["low_cut"] = 30.0
    assert bands(mastering, settings)[0] == Band("highPass", 30.0, None, 0.71)
