"""Every option of every command is checked before any work: found by import, not listed here."""

import inspect
import math
import re
import typing
from pathlib import Path

import pytest
from typer.models import OptionInfo

from ai_mixer.cli.app import app
from ai_mixer.cli.commands.numbers import (
    AssignedNumber,
    NamedNumber,
    Number,
    OptionError,
    Setting,
    WeightedFile,
)
from ai_mixer.mixing import compare, enhance, master, match, mix
from ai_mixer.mixing.audio_mixer import AudioMixer

BAD_NUMBERS = ["nan", "-nan", "inf", "-inf", "1e999", "NaN", "", "x", "1.0.0"]
PREFIXES = {AssignedNumber: "low_eq=", Setting: "low_eq=", WeightedFile: "reference.wav="}
NUMBER_TYPES = {int, float, complex}


class Option(typing.NamedTuple):
    command: str
    flag: str
    parser: object
    kinds: set
    arguments: int  # of the command that are required


def leaf_types(hint):
    """Types in a type hint: {float, NoneType} of `list[float] | None`."""
    inner = typing.get_args(hint)
    return set().union(*map(leaf_types, inner)) if inner else {hint}


def all_options():
    for command in app.registered_commands:
        signature = inspect.signature(command.callback).parameters
        hints = typing.get_type_hints(command.callback, include_extras=True)
        hints.pop("return", None)
        required = sum(
            parameter.default is inspect.Parameter.empty for parameter in signature.values()
        )
        for name, hint in hints.items():
            base, *extra = typing.get_args(hint)
            for info in (info for info in extra if isinstance(info, OptionInfo)):
                first = (info.default,) if isinstance(info.default, str) else ()
                flags = (*first, *(info.param_decls or ()), f"--{name.replace('_', '-')}")
                kinds = leaf_types(base)
                yield Option(command.callback.__name__, flags[0], info.parser, kinds, required)


OPTIONS = list(all_options())
FREE_TEXTS = {"--host", "--password"}  # any text is valid
VALUE_OPTIONS = [
    o for o in OPTIONS if bool not in o.kinds and Path not in o.kinds and o.flag not in FREE_TEXTS
]
NUMBERS = [o for o in OPTIONS if isinstance(o.parser, Number)]


def kind(parser):
    return type(parser).__name__


def label(option):
    return f"{option.command} {option.flag}"


def test_the_options_are_found():
    found = set(map(label, NUMBERS))
    assert {"mix --ceiling", "mix --target", "enhance --set", "compare --amount"} <= found
    assert "knobs --force" in set(map(label, OPTIONS))


@pytest.mark.parametrize("option", OPTIONS, ids=label)
def test_an_option_with_a_number_uses_the_parser(option):
    assert option.parser is not None or not option.kinds & NUMBER_TYPES
    assert getattr(option.parser, "option", option.flag) == option.flag


@pytest.fixture
def no_work(monkeypatch):
    """Any measurement is an error that is not one line."""
    for module in (mix, enhance, master, match, compare):
        for name in ("measure", "AudioFile"):
            monkeypatch.setattr(module, name, None, raising=False)


def values(option):
    yield from ("nan", "x")  # the parsers refuse all BAD_NUMBERS
    if isinstance(option.parser, Number):
        for limit, sign in ((option.parser.low, -1), (option.parser.high, 1)):
            if math.isfinite(limit):
                yield str(limit + sign * 0.001)


@pytest.mark.parametrize("option", VALUE_OPTIONS, ids=label)
def test_a_bad_number_is_one_line_before_any_work(ai_mixer, song, no_work, option):
    prefix = PREFIXES.get(type(option.parser), "")
    for value in values(option):
        arguments = [song] * option.arguments
        done = ai_mixer(option.command, *arguments, option.flag, prefix + value)
        if option.flag == "--only" and not value:
            continue  # all groups
        assert done.code == 1, value
        (line,) = done.err.splitlines()
        assert line.startswith("error: "), line
        assert "unexpected" not in line
        assert done.out == ""
    assert [path.name for path in song.parent.iterdir()] == [song.name]


@pytest.mark.parametrize(
    "options",
    [
        {"ceiling_db": math.nan},
        {"ceiling_db": math.inf},
        {"ceiling_db": 0.1},
        {"target_lufs": math.nan},
        {"target_lufs": -math.inf},
        {"target_lufs": 1},
    ],
    ids=str,
)
def test_numbers_from_python_are_checked_before_any_work(song, no_work, options):
    with pytest.raises(ValueError, match="must be -60 to 0"):
        AudioMixer().mix_file(song, **options)


@pytest.mark.parametrize("text", BAD_NUMBERS)
@pytest.mark.parametrize("parser", {type(o.parser): o.parser for o in NUMBERS}.values(), ids=kind)
def test_a_parser_refuses_what_is_no_number(parser, text):
    prefix = PREFIXES.get(type(parser), "")
    with pytest.raises(OptionError, match=re.escape(parser.option)):
        parser(prefix + text)


def test_values_are_parsed():
    assert Number("--a", -60, 0)("−1.5") == -1.5
    assert NamedNumber("--t", ("none",), -60, 0, "LUFS")("none") == "none"
    assert AssignedNumber("--s")("low_eq=+1.5") == ("low_eq", 1.5, "")
    assert AssignedNumber("--s", name_optional=True)("1") == (None, 1.0, "")
    assert Setting("--s")("low_eq=+1.5 dB") == ("low_eq", 1.5, "dB")
    with pytest.raises(OptionError, match="name=value"):
        AssignedNumber("--s")("low_eq")
