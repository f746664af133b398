"""Names, identifiers and descriptions of the plug-ins, without a compiler."""

import re
import subprocess

import pytest

from ai_mixer.cli.stages import doctor
from ai_mixer.plugin import bundles, lv2, toolchain
from ai_mixer.plugin.bundles import PluginBuild, build_plugins, headers_of, install, targets_of
from ai_mixer.plugin.description import describe_engine
from ai_mixer.plugin.identity import BYPASS, load_plugin, parameter_id
from ai_mixer.plugin.plugin_readme import licences, plugin_readme
from ai_mixer.plugin.plugin_table import plugin_table
from ai_mixer.plugin.targets import TARGETS

CONSOLES = ["classic", "mastering", "strip", "reverb", "delay"]


@pytest.fixture(params=CONSOLES)
def plugin(request):
    return load_plugin(request.param)


def test_names_of_knobs_are_distinct_and_plain(plugin):
    titles = [label.title for label in plugin.labels]
    assert len({*titles, "Bypass"}) == len(titles) + 1
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9 ]+", title) for title in titles)
    names = [*plugin.chain.names, BYPASS, "listen", "listen_status"]
    names += [f"lock_{name}" for name in plugin.chain.names]
    numbers = {parameter_id(name) for name in names}
    assert len(numbers) == len(names)
    assert max(numbers) < 2**31


def test_values_are_shown_in_units_and_read_back(plugin):
    for knob, label in zip(plugin.chain.knobs, plugin.labels, strict=True):
        for value in (knob.low, knob.neutral, knob.high):
            assert label.from_displayed(label.displayed(value)) == pytest.approx(value, rel=1e-12)
        if label.display == "decibels":
            assert label.displayed(knob.neutral) == 0.0


@pytest.mark.parametrize(
    ("console", "name", "title", "group", "display"),
    [
        ("classic", "input_gain", "Input gain", "", "decibels"),
        ("classic", "low_eq", "Low EQ", "", "unit"),
        ("classic", "reverb", "Reverb", "", "percent"),
        ("mastering", "band2_q", "Band 2 Q", "Band 2", "unit"),
        ("strip", "low_shelf_hz", "Low shelf frequency", "Low shelf", "unit"),
        ("strip", "peak1_db", "Peak 1 gain", "Peak 1", "unit"),
        ("strip", "compressor_attack_ms", "Compressor attack", "Compressor", "unit"),
        ("strip", "trim_db", "Trim", "", "unit"),
        ("strip", "pan", "Pan", "", "percent"),
    ],
)
def test_labels(console, name, title, group, display):
    (label,) = [label for label in load_plugin(console).labels if label.name == name]
    assert label[1:] == (title, group, display)


def test_identifiers_never_change():
    """Songs in DAWs refer to these."""
    found = {load_plugin(name).id: load_plugin(name).uid for name in CONSOLES}
    assert found == IDENTIFIERS
    assert load_plugin("classic").uri == "urn:ai-mixer:classic"
    assert parameter_id("low_eq") == 1579543284


IDENTIFIERS = {
    "ai-mixer.classic": "7F4678284E5759EA9C9E557E3663C886",
    "ai-mixer.mastering": "C23BE13281FE517695A92CFBD74911BE",
    "ai-mixer.strip": "FE7FDB78E403553E92492D1F156AA71A",
    "ai-mixer.reverb": "B7FC085CB0E952ECA0A2DC6C41B43F4D",
    "ai-mixer.delay": "0A6669C67F04554E9516140B87C2F6A2",
}


def test_only_consoles_for_a_stereo_file_have_a_limiter():
    limits = [describe_engine(load_plugin(name).chain).limit for name in CONSOLES]
    assert limits == [True, True, False, False, False]


def test_console_for_several_tracks_is_refused():
    with pytest.raises(ValueError, match="plugins: studio mixes several tracks"):
        load_plugin("studio")


def test_table_is_c(plugin, tmp_path):
    if not (bundles.Path("/usr/share/dpf/distrho/src").is_dir() and toolchain.native_target()):
        pytest.skip("needs gcc and dpf-source")
    source = tmp_path / "table.c"
    source.write_text(plugin_table(plugin))
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    folders = ["-isystem", headers_of(bundles.Path("/usr/share/dpf")), "-I", toolchain.SOURCES]
    subprocess.run(["gcc", *flags, *folders, source], check=True)


def test_ports_of_lv2_have_units_ranges_and_groups(plugin):
    text = lv2.description(plugin)
    for channels in lv2.CONFIGS:
        (own,) = re.findall(rf"^<{plugin.uri}{channels.suffix}> a (.*?\]) \.$", text, re.M | re.S)
        ports = own.split("lv2:index ")[1:]
        assert [int(port.split(" ")[0]) for port in ports] == list(range(len(ports)))
        assert len(ports) == channels.inputs + channels.outputs + 2 + len(plugin.labels)
        for knob, label, port in zip(
            plugin.chain.knobs, plugin.labels, ports[-len(plugin.labels) :], strict=True
        ):
            assert f'lv2:symbol "{lv2.symbol(knob.name)}"' in port
            assert f"lv2:maximum {lv2.number(label.displayed(knob.high))}" in port
            assert ("pg:group" in port) == bool(label.group)


@pytest.mark.parametrize("value", [0.1, -18.0, 250.0, 1 / 3, 1e-7, 12000.0])
def test_numbers_of_turtle_are_exact(value):
    assert float(lv2.number(value)) == value


def test_missing_headers_are_refused_in_one_line(tmp_path):
    build = PluginBuild(["classic"], tmp_path, tmp_path)
    with pytest.raises(ValueError, match=r"not in .*: sudo apt install dpf-source, or dpf=/folder"):
        list(build_plugins(build, ["linux-x86_64"], tmp_path))
    assert not list(tmp_path.iterdir())


def test_targets_of_systems(monkeypatch):
    assert targets_of("windows") == ["windows-x86_64"]
    assert targets_of("macos") == ["macos-x86_64", "macos-aarch64"]
    monkeypatch.setattr(toolchain, "native_target", lambda: "linux-aarch64")
    assert targets_of("linux") == ["linux-aarch64"]
    with pytest.raises(ValueError, match="os: no 'beos', there is linux, windows, macos"):
        targets_of("beos")


def test_install_replaces_an_older_version(tmp_path):
    new, home = tmp_path / "a.vst3", tmp_path / "home"
    (new / "Contents").mkdir(parents=True)
    (home / ".vst3" / "a.vst3" / "old").mkdir(parents=True)
    clap = tmp_path / "a.clap"
    clap.write_bytes(b"1")
    assert list(install(new, home)) == [home / ".vst3" / "a.vst3"]
    assert [path.name for path in (home / ".vst3" / "a.vst3").iterdir()] == ["Contents"]
    assert list(install(clap, home)) == [home / ".clap" / "a.clap"]


@pytest.mark.parametrize("target", ["linux-x86_64", "windows-x86_64", "macos-aarch64"])
def test_readme_says_where_the_files_go(target):
    page = plugin_readme(["ai_mixer Classic"], target)
    folder = {"elf": "~/.vst3", "coff": "Common Files", "macho": "Plug-Ins/VST3"}
    assert folder[TARGETS[target].kind] in page
    assert ("never run" in page) == (TARGETS[target].kind == "macho")


def test_licences_of_the_headers_are_named(tmp_path):
    text = licences(tmp_path)
    for name in ("Apache-2.0", "travesty", "Filipe Coelho", "Alexandre BIQUE", "LV2"):
        assert name in text


def test_doctor_names_the_package_of_the_headers(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "DPF", tmp_path)
    assert doctor._plugins() == (
        doctor.HINT,
        "no headers for plug-ins: sudo apt install dpf-source",
    )
