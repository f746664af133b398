"""Tests of one-line messages for wrong overrides."""

import re

import pytest

from ai_mixer.cli.stage import stage
from ai_mixer.config.folder import config_folders
from ai_mixer.config.override_errors import check_overrides
from ai_mixer.config.overrides import config_groups, group_options
from helpers.parameters import first_fast


@pytest.fixture
def error_line(monkeypatch, capsys):
    """A function: overrides → the one line on stderr of the stage, which does not run."""

    def run(*overrides, config_name="train"):
        first = "~local" if config_name == "train" else "seed=0"
        monkeypatch.setattr("sys.argv", ["stage", first, *overrides])
        with pytest.raises(SystemExit) as caught:
            stage(config_name)(lambda cfg: None)()
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert caught.value.code == 1
        assert not captured.out
        return line

    return run


def test_an_unknown_option_lists_the_known_ones(error_line):
    line = error_line("model=astregressor")
    known = ", ".join(group_options("model"))
    assert line == (
        f"error: model=astregressor: there is no such model; there are {known} "
        "(ls configs/model); did you mean ast_regressor?"
    )


@pytest.mark.parametrize("override", ["debug=fst", "experiment=nope", "local=nope", "debug=true"])
def test_options_of_optional_groups_are_checked(error_line, override):
    """Hydra ignores unknown options of optional groups."""
    group = override.partition("=")[0]
    assert error_line(override).startswith(f"error: {override}: there is no such {group}; there")


def test_an_unknown_data_option_of_evaluate_is_an_error(error_line):
    """`make evaluate data=foldr` must not evaluate the run's own dataset."""
    assert "no such data; there are band" in error_line("data=foldr", config_name="evaluate")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=3", r"no such model; there are analyser, ast_regressor"),
        ("loss/term=[knobs,nope]", r"no such loss/term; there are balance, .*waveform"),
        ("loss/trm=knobs", r"no such group; .*loss/term.*; did you mean loss/term\?"),
        ("ast_regressor", r"name=value; did you mean model=ast_regressor\?"),
        ("nonsense", r"name=value$"),
        ("=3", r"name=value$"),
        ('model.dropout="0.2', r'quote " '),
        ("model.dropout='0.2", r"quote ' "),
        ("a=[1", r"\[ and \]"),
        ("a={b: 1", r"\{ and \}"),
        ("run_name=a b, c (d)", r"double quotes: 'run_name=\"a b, c \(d\)\"'"),
    ],
)
def test_overrides_with_wrong_syntax_or_option(error_line, override, message):
    line = error_line(override)
    assert line.startswith(f"error: {override}: ")
    assert re.search(message, line)


@pytest.mark.parametrize(
    ("overrides", "message"),
    first_fast(
        [
            (
                ["model=baseline_cnn", "model.chanels=8"],
                r"; model has channels.*did you mean channels\?",
            ),
            (
                ["modle=baseline_cnn"],
                r"no such group or key; configs/stage/train.yaml has .*mean model\?",
            ),
            (["lr=0.1"], r"did you mean optimizer\.lr\?"),
            (
                ["data=folder", "data.source.songs=3"],
                r"no such key; data\.source has root, manifest",
            ),
            (["model.dropout.rate=3"], r"no such key; model\.dropout is a single value, 0\.1"),
            (["~nothing"], r"no such group or key"),
            (["trainer.limit_train_batches=2"], r"\+trainer\.limit_train_batches=2 adds it"),
            (["+seed=3"], r"\+seed=3: seed exists"),
            (["model=baseline_cnn,ast_regressor"], r"several values"),
        ],
        4,
    ),
)
def test_unknown_keys(error_line, overrides, message):
    line = error_line(*overrides)
    assert line.startswith("error: ")
    assert re.search(message, line)
    assert overrides[-1] in line


@pytest.mark.parametrize(
    ("override", "message"),
    first_fast(
        [
            (
                "+model.foo=1",
                r"model\.foo: ASTRegressor has no argument foo; it takes n_knobs, sample_rate,",
            ),
            ("trainer.max_epochs=ten", r"trainer\.max_epochs=ten: must be a whole number or null"),
            ("loader.batch_size=null", r"loader\.batch_size=null: must be a whole number"),
            ("seed=abc", r"seed=abc: must be a whole number"),
            (
                "evaluate.excerpts_per_song=big",
                r"evaluate\.excerpts_per_song=big: must be a number",
            ),
            ("loss.terms.knobs.weight=big", r"loss\.terms\.knobs\.weight=big: must be a number"),
            ("seed=${nothing}", r"seed: Interpolation key 'nothing' not found"),
        ],
        4,
    ),
)
def test_values_of_a_wrong_type(error_line, override, message):
    assert re.fullmatch(rf"error: {message}.*", error_line(override))


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=baseline_cnn", "model.channels=8", "trainer.devices=auto"],
        ["loss/term=[knobs,perceptual]", "~scheduler", "experiment=null"],
        ["+trainer.limit_train_batches=0.5", "loss.terms.knobs.weight=1", "render.seconds=3"],
        ['run_name="a b, (c)"', "model=ast_regressor.yaml", "loss/term@loss.terms=[knobs]"],
    ],
)
def test_correct_overrides_pass(overrides):
    check_overrides(overrides)


def test_config_groups_are_folders_with_options():
    assert {"model", "loss/term", "data"} <= set(config_groups())
    assert "ast_regressor" in group_options("model")
    for group in config_groups():  # also those that a sweep wrote
        assert any((root / group).is_dir() for root in config_folders())
