"""A wrong word of the command line is answered with what there is."""

import re

import pytest

from ai_mixer.cli.stage import stage
from ai_mixer.config.folder import config_folder
from ai_mixer.config.override_errors import check_overrides, config_groups, group_options


@pytest.fixture
def said(monkeypatch, capsys):
    """A function: words → the one line that the stage `page` answers; it never runs its task."""

    def answer(*words, page="train"):
        monkeypatch.setattr(
            "sys.argv", ["stage", "~local" if page == "train" else "seed=0", *words]
        )
        with pytest.raises(SystemExit) as ended:
            stage(page)(lambda cfg: None)()
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert ended.value.code == 1
        assert not captured.out
        return line

    return answer


def test_an_unknown_page_is_told_the_menu(said):
    line = said("model=astregressor")
    known = ", ".join(group_options("model"))
    assert line == (
        f"error: model=astregressor: there is no such model; there are {known} "
        "(ls configs/model); did you mean ast_regressor?"
    )


@pytest.mark.parametrize("word", ["debug=fst", "experiment=nope", "local=nope", "debug=true"])
def test_groups_that_may_be_empty_are_checked_too(said, word):
    """Hydra passes over them: the run would not be what was asked for."""
    group = word.partition("=")[0]
    assert said(word).startswith(f"error: {word}: there is no such {group}; there are")


def test_an_unknown_data_is_not_the_run_s_own(said):
    """`make evaluate data=foldr` must not give the tables of other songs."""
    assert "there is no such data; there are band" in said("data=foldr", page="evaluate")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("model=3", r"no such model; there are analyser, ast_regressor"),
        ("loss/term=[knobs,nope]", r"no such loss/term; there are balance, .*waveform"),
        ("loss/trm=knobs", r"no such group; there are .*loss/term.*; did you mean loss/term\?"),
        ("ast_regressor", r"is no name=value; did you mean model=ast_regressor\?"),
        ("nonsense", r"is no name=value$"),
        ("=3", r"is no name=value$"),
        ('model.dropout="0.2', r'a quote " is opened and never closed'),
        ("model.dropout='0.2", r"a quote ' is opened and never closed"),
        ("a=[1", r"\[ and \] do not pair up"),
        ("a={b: 1", r"\{ and \} do not pair up"),
        ("run_name=a b, c (d)", r"cannot be read: put special characters into double quotes"),
    ],
)
def test_words_that_cannot_be(said, word, message):
    line = said(word)
    assert line.startswith(f"error: {word}: ")
    assert re.search(message, line)


@pytest.mark.parametrize(
    ("words", "message"),
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
        (["data=folder", "data.source.songs=3"], r"no such key; data\.source has root, manifest"),
        (["model.dropout.rate=3"], r"no such key; model\.dropout is a single value, 0\.1"),
        (["~nothing"], r"no such group or key"),
        (["trainer.limit_train_batches=2"], r"\+trainer\.limit_train_batches=2 adds it"),
        (["+seed=3"], r"seed is there already: change it without the \+"),
        (["model=baseline_cnn,ast_regressor"], r"several values: give one, a list in brackets"),
    ],
)
def test_keys_that_are_not_there(said, words, message):
    line = said(*words)
    assert line.startswith("error: ")
    assert re.search(message, line)
    assert words[-1] in line


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("+model.foo=1", r"model\.foo: ASTRegressor takes no foo; it takes n_knobs, sample_rate,"),
        ("trainer.max_epochs=ten", r"trainer\.max_epochs=ten: must be a whole number or null"),
        ("loader.batch_size=null", r"loader\.batch_size=null: must be a whole number"),
        ("seed=abc", r"seed=abc: must be a number"),
        ("evaluate.excerpts_per_song=big", r"evaluate\.excerpts_per_song=big: must be a number"),
        ("loss.terms.knobs.weight=big", r"loss\.terms\.knobs\.weight=big: must be a number"),
        ("seed=${nothing}", r"seed: Interpolation key 'nothing' not found"),
    ],
)
def test_values_that_do_not_fit_are_found_before_anything_is_built(said, word, message):
    assert re.fullmatch(rf"error: {message}.*", said(word))


@pytest.mark.parametrize(
    "words",
    [
        ["model=baseline_cnn", "model.channels=8", "trainer.devices=auto"],
        ["loss/term=[knobs,perceptual]", "~scheduler", "experiment=null"],
        ["+trainer.limit_train_batches=0.5", "loss.terms.knobs.weight=1", "render.seconds=3"],
        ['run_name="a b, (c)"', "model=ast_regressor.yaml", "loss/term@loss.terms=[knobs]"],
    ],
)
def test_right_words_pass(words):
    check_overrides(words)


def test_every_menu_is_a_folder():
    assert {"model", "loss/term", "data"} <= set(config_groups())
    assert "ast_regressor" in group_options("model")
    assert all((config_folder() / group).is_dir() for group in config_groups())
