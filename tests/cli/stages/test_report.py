"""`make report`: markdown and CSV, and its mistakes in one line."""

import pandas as pd
import pytest

from ai_mixer.cli.stages import report as stage
from ai_mixer.tracking import Run


@pytest.fixture
def judged(store):
    """Two seeds of one configuration, and one that broke off."""
    for seed, skill in enumerate([0.2, 0.4]):
        with Run.start(store, "train", "name", {"command": "make train model=cnn"}) as run:
            run.log_params({"seed": seed, "group": {"data": "band"}})
            run.log_metrics({"test/skill_blind": skill, "test/closeness_blind": 0.5})
    Run.start(store, "train", "broken").end("FAILED")
    return store


@pytest.fixture
def report(command, judged, tmp_path):
    """A function: words → what `make report` prints."""
    return lambda *words: command(
        stage, f"paths.mlruns={judged.folder}", f"paths.outputs={tmp_path}", *words
    )


def test_markdown_and_csv(report, tmp_path):
    said = report()
    assert "| model=cnn | band | 2 seeds | 0.30 [-0.97, 1.57] | – | – | 0.50 [0.50, 0.50] |" in said
    assert "- 1 failed: " in said
    page, numbers = tmp_path / "report.md", tmp_path / "report.csv"
    assert page.read_text() in said
    assert pd.read_csv(numbers)["skill blind"].tolist() == [pytest.approx(0.3)]


def test_where_and_experiment(report):
    assert "1 run |" in report('where="metrics.`test/skill_blind` > 0.3"')
    assert "2 seeds" in report("experiment_name=train")


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("experiment_name=nonsense", "no experiment 'nonsense'"),
        ("where=nonsense", "where=nonsense: "),
        ("where=\"params.a = 'b'\"", "no run with where=params.a = 'b'"),
        ("by=nonsense", "by=nonsense: is none of skill blind"),
        ("out=a.txt", "out=a.txt: must end in .md"),
        ("paths.mlruns=nowhere", "no run in nowhere"),
    ],
)
def test_mistakes_are_one_line(report, capsys, word, line):
    with pytest.raises(SystemExit):
        report(word)
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert line in said
    assert said.count("\n") == 1
