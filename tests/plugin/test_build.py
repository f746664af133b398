"""Choice of targets, versions and compilers; a console that has no engine; generated C."""

import importlib.metadata
import subprocess
import tomllib
from pathlib import Path

import pytest

from ai_mixer.config.folder import config_folder
from ai_mixer.console import load_console
from ai_mixer.core.knob import Knob
from ai_mixer.effects.effect import Effect
from ai_mixer.plugin import toolchain
from ai_mixer.plugin.build import build_engine, choose_targets, knob_table, source_digest
from ai_mixer.plugin.description import describe_engine
from ai_mixer.plugin.readme import readme
from ai_mixer.plugin.targets import TARGETS


def test_unknown_target_is_refused(choice, tmp_path):
    with pytest.raises(ValueError, match="targets: no 'amiga', there is linux-x86_64"):
        list(build_engine(choice, ["amiga"], tmp_path, tmp_path))


def test_targets_are_chosen(monkeypatch):
    assert choose_targets("all") == list(TARGETS)
    assert choose_targets("wasm32") == ["wasm32"]
    assert choose_targets(["wasm32", "wasm32-simd"]) == ["wasm32", "wasm32-simd"]
    monkeypatch.setattr(toolchain, "native_target", lambda: None)
    with pytest.raises(ValueError, match="targets=native needs gcc on Linux"):
        choose_targets("native")


def test_other_versions_are_refused_in_one_line(choice, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1")
    with pytest.raises(ValueError, match=r"numba 0\.\S+ \(0\.1 is installed\), llvmlite .*pip"):
        list(build_engine(choice, ["wasm32"], tmp_path, tmp_path))


def test_missing_zig_is_refused_before_anything_is_built(choice, tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "has_zig", lambda: False)
    with pytest.raises(ValueError, match=r"target wasm32 needs ziglang: pip install 'ai-mixer"):
        list(build_engine(choice, ["wasm32"], tmp_path, tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_extra_pins_the_required_versions():
    project = tomllib.loads((config_folder().parent / "pyproject.toml").read_text())["project"]
    pins = dict(pin.split("==") for pin in project["optional-dependencies"]["engine"])
    assert toolchain.REQUIRED.items() <= pins.items()


def test_effect_without_a_live_form_is_refused():
    class Clip(Effect):
        def forward(self, x, sample_rate):
            return x.clamp(-1, 1)

    console = load_console("classic", ranges="wide")
    console.effects["clip"] = Clip()
    console._arguments.append(())
    with pytest.raises(ValueError, match=r"effect clip \(Clip\) has no live form"):
        describe_engine(console)


def test_digest_changes_with_the_console(choice):
    other = describe_engine(load_console("classic", ranges="gentle"))
    assert source_digest(other) != source_digest(choice.description)
    assert source_digest(choice.description) == source_digest(choice.description)


def test_names_are_valid_in_c(tmp_path):
    knob = Knob('say "hi" \\ ??/ µs', "µs", 0.1, 1e-7 + 1, "log", 0.5)
    source = tmp_path / "console.c"
    source.write_text(knob_table("my console", [knob], 3) + "int main(void) { return 0; }\n")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{toolchain.SOURCES}"]
    program = tmp_path / "program"
    subprocess.run(["gcc", *flags, source, "-o", program], check=True)
    assert knob.name.encode() in program.read_bytes()


@pytest.mark.parametrize("target", TARGETS)
def test_readme_names_the_files_of_the_target(target):
    page = readme("classic", "wide", target)
    assert TARGETS[target].library in page
    assert ("never run" in page) == target.startswith("macos")


def test_exported_functions_are_those_of_the_header():
    names = toolchain.exported_functions()
    assert "ai_mixer_create" in names
    assert len(names) == Path(toolchain.HEADER).read_text().count("\nAI_MIXER_API ") + 2
