"""`make engine`: what the stage passes on, and its errors."""

from pathlib import Path

import pytest

from ai_mixer.cli.stages import engine
from ai_mixer.plugin import build


@pytest.fixture
def calls(monkeypatch):
    """Arguments of `build_engine`, which builds nothing."""
    made = []

    def build_nothing(console, targets, folder, cache):
        made.append((console, targets, folder, cache))
        return [folder / target for target in targets]

    monkeypatch.setattr(build, "build_engine", build_nothing)
    return made


def test_console_ranges_and_targets_are_passed_on(command, calls, tmp_path):
    output = command(
        engine, "ranges=gentle", "targets=[wasm32,wasm32-simd]", f"paths.outputs={tmp_path}"
    )
    ((console, targets, folder, _),) = calls
    assert (console.name, console.ranges, len(console.description.knobs)) == (
        "classic",
        "gentle",
        10,
    )
    assert targets == ["wasm32", "wasm32-simd"]
    assert folder == tmp_path / "engine" / "classic"
    assert [Path(line).name for line in output.splitlines()] == targets


def test_values_of_the_console_are_passed_on(command, calls):
    command(engine, "targets=wasm32", "console.limiter.lookahead_ms=2")
    assert calls[0][0].description.limiter.lookahead_ms == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("targets=amiga", "error: targets: no 'amiga', there is linux-x86_64, linux-aarch64"),
        ("console.chain.6.effect.delay_ms=-1", "error: delay_ms must be above 0, got -1"),
        ("target=wasm32", "error: target"),
    ],
)
def test_errors_are_one_line(command, capsys, tmp_path, override, message):
    with pytest.raises(SystemExit) as stopped:
        command(engine, override, f"paths.outputs={tmp_path}")
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
