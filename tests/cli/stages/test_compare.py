"""`make compare`: page and tables of two runs, held-out songs, errors."""

import json
import shutil

import pandas as pd
import pytest

from ai_mixer.cli.stages import compare
from ai_mixer.data.folder import Folder
from ai_mixer.evaluation.comparison.holdout_filter import filter_holdout_songs
from ai_mixer.evaluation.comparison.runs import load_compared_runs

FILES = ("model.json", "model.safetensors", "split.csv")


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
    assert differences.fillna(0).eq(0).all()
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
        ("runs=last,last", "runs=last,last: last and baseline_cnn-band_small"),
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
    one, two = load_compared_runs(["last", str(second)], "mlruns")
    assert (one.letter, one.version, two.letter, two.version) == ("A", "mix1", "B", "mix2")


@pytest.fixture
def songs(songs_folder):
    return Folder(songs_folder).songs()


def split(folder, **columns):
    folder.mkdir()
    pd.DataFrame(columns).to_csv(folder / "split.csv", index=False)
    return folder


def test_training_songs_of_a_run_are_excluded(songs, tmp_path):
    ids = [song.id for song in songs]
    folder = split(tmp_path / "a", song=ids[:3], split=["train", "val", "test"])
    holdout = filter_holdout_songs(songs, {"A": folder, "B": tmp_path / "nowhere"})
    assert holdout.excluded == {ids[0]: ["A"], ids[1]: ["A"]}
    assert [song.id for song in holdout.songs] == ids[2:]
    assert holdout.runs_without_split == ["B"]


def test_songs_are_compared_by_digest(songs, tmp_path):
    """Another collection may have equal ids, or the same song under another id."""
    from ai_mixer.data.file_digest import song_digest

    ids = [songs[1].id, "another name"]
    digests = ["0" * 16, song_digest(songs[0])]
    folder = split(tmp_path / "a", song=ids, split=["train", "train"], audio=digests)
    assert filter_holdout_songs(songs, {"A": folder}).excluded == {songs[0].id: ["A"]}


def test_no_remaining_song_raises(songs, tmp_path):
    ids = [song.id for song in songs]
    folder = split(tmp_path / "a", song=ids, split=["train"] * len(ids))
    with pytest.raises(ValueError, match=r"all 6 songs .*data="):
        filter_holdout_songs(songs, {"A": folder})
