"""`make compare`: page and tables of two runs, held-out songs, errors."""

import json
import shutil

import pandas as pd
import pytest

from ai_mixer.cli.stages import compare
from ai_mixer.evaluation.comparison.runs import find_compared_runs, load_compared_runs
from ai_mixer.inference.predictor import load_model

FILES = ("model.json", "model.safetensors", "seen_songs.safetensors")


@pytest.fixture(scope="module")
def second(trained, tmp_path_factory):
    """A second run with equal weights and another name, trained on the same songs."""
    folder = tmp_path_factory.mktemp("second")
    for name in FILES:
        shutil.copy(trained.folder / name, folder)
    card = json.loads((folder / "model.json").read_text())
    card["config"]["run_name"], card["config"]["model"]["dropout"] = "another", 0.5
    (folder / "model.json").write_text(json.dumps(card))
    return folder


@pytest.mark.slow
def test_run_and_its_copy_have_no_differences(at_home, command, second, tmp_path):
    options = ["excerpts_per_song=1", "songs=2", "seconds=1", f"out={tmp_path}"]
    printed = command(compare, f"runs=last,{second}", *options)
    assert "B = another" in printed
    records, settings = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("records", "settings"))
    one, two = (
        records[records["system"] == name].drop(columns="system").reset_index(drop=True)
        for name in "AB"
    )
    pd.testing.assert_frame_equal(one, two)
    differences = pd.read_csv(tmp_path / "differences.csv", index_col="pair").loc["A − B"]
    counts = differences.index[differences.index.str.endswith("_songs")]
    assert differences[counts].eq(2).all()
    assert differences.drop(counts).isna().all()  # no figure of two songs
    assert settings.to_numpy().tolist() == [["model.dropout", 0.1, 0.5]]
    page = (tmp_path / "index.html").read_text()
    assert page.count('type="audio/flac" id="audio-0-') == 4
    assert str(second) not in page


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("runs=last", "runs=last: name two"),
        ("songs=1", "name two to 6 runs"),
        ("runs=last,nonsense", "'nonsense'"),
        ("runs=last,last", "runs=last,last: last and last are one run"),
    ],
)
def test_invalid_runs_are_one_line_errors(at_home, command, capsys, override, message):
    with pytest.raises(SystemExit):
        command(compare, override)
    stderr = capsys.readouterr().err
    assert stderr.startswith("error: ")
    assert message in stderr
    assert stderr.count("\n") == 1


def test_runs_get_letters(at_home, second):
    one, two = load_compared_runs(find_compared_runs(["last", str(second)], "mlruns"), load_model)
    assert (one.letter, one.version, two.letter, two.version) == ("A", "mix1", "B", "mix2")
