"""`make report`: Markdown, CSV and errors."""

import pandas as pd
import pytest

from ai_mixer.cli.stages import report as stage
from ai_mixer.tracking import Run, list_runs


@pytest.fixture
def evaluated_runs(store):
    """Two seeds of one configuration, and a failed run."""
    for seed, skill in enumerate([0.2, 0.4]):
        with Run.start(store, "train", "name", {"command": "make train model=cnn"}) as run:
            run.log_params({"seed": seed, "group": {"data": "band"}})
            run.log_metrics({"test_skill_blind": skill, "test_closeness_blind": 0.5})
    Run.start(store, "train", "broken").end("FAILED")
    return store


@pytest.fixture
def report(command, evaluated_runs, tmp_path):
    """Function: overrides → output of `make report`."""
    return lambda *overrides: command(
        stage, f"paths.mlruns={evaluated_runs.folder}", f"paths.outputs={tmp_path}", *overrides
    )


def test_report_is_written_as_markdown_and_csv(report, evaluated_runs, tmp_path):
    printed = report()
    (row,) = (line for line in printed.splitlines() if "model=cnn" in line)
    ids = list_runs(evaluated_runs.folder, "train")["run_id"].str[:8].tolist()[1:]
    expected = f"| model=cnn | 2 seeds | {' '.join(ids)} | 0.30 [-0.97, 1.57] | – | – | 0.50 [0.50"
    assert row.startswith(expected)
    assert "## Songs: band\n" in printed
    assert "- 1 failed: " in printed
    markdown, table = tmp_path / "report.md", tmp_path / "report.csv"
    assert markdown.read_text() in printed
    assert pd.read_csv(table)["skill blind"].tolist() == [pytest.approx(0.3)]


@pytest.mark.slow
def test_runs_on_different_songs_are_in_separate_tables(report, evaluated_runs):
    """The better result on other songs is not ranked above."""
    for digest, skill in (("aaaa1", 0.1), ("bbbb2", 0.9)):
        with Run.start(evaluated_runs, "train", "name", {"data.digest": digest}) as run:
            run.log_params({"group": {"data": "folder"}, "lr": skill})
            run.log_metrics({"test_skill_blind": skill})
    sections = report().split("## Songs: ")[1:]
    assert [text.splitlines()[0] for text in sections] == ["folder bbbb", "band", "folder aaaa"]
    assert [text.count("| words |") for text in sections] == [1, 1, 1]


def test_runs_are_filtered(report):
    assert "1 run |" in report('where="metrics.`test_skill_blind` > 0.3"')
    assert "2 seeds" in report("experiment_name=train")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("experiment_name=nonsense", "'nonsense'"),
        ("where=nonsense", "where=nonsense: "),
        ("where=\"params.a = 'b'\"", "no run with where=params.a = 'b'"),
        ("by=nonsense", "by=nonsense"),
        ("out=a.txt", "out=a.txt"),
        ("paths.mlruns=nowhere", "no run in nowhere"),
    ],
)
def test_invalid_overrides_are_one_line_errors(report, capsys, override, message):
    with pytest.raises(SystemExit):
        report(override)
    stderr = capsys.readouterr().err
    assert stderr.startswith("error: ")
    assert message in stderr
    assert stderr.count("\n") == 1
