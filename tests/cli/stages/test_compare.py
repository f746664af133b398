"""`make compare`: a page and tables of two runs, and what is refused in one line."""

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
    """Another run: the same weights under another name, trained on the same songs."""
    folder = tmp_path_factory.mktemp("second")
    for name in FILES:
        shutil.copy(trained.folder / name, folder)
    card = json.loads((folder / "model.json").read_text())
    card["config"]["run_name"], card["config"]["model"]["dropout"] = "another", 0.5
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def test_a_run_beside_its_copy(at_home, command, second, tmp_path):
    """Nothing is between them: not in the tables, and not to be heard."""
    words = ["excerpts_per_song=1", "songs=2", "seconds=1", f"out={tmp_path}"]
    said = command(compare, f"runs=last,{second}", *words)
    assert "B = another" in said
    records, told = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("records", "settings"))
    one, two = (
        records[records["system"] == name].drop(columns="system").reset_index(drop=True)
        for name in "AB"
    )
    pd.testing.assert_frame_equal(one, two)
    apart = pd.read_csv(tmp_path / "differences.csv", index_col="pair").loc["A − B"]
    assert apart.fillna(0).eq(0).all()
    assert told.to_numpy().tolist() == [["model.dropout", 0.1, 0.5]]
    page = (tmp_path / "index.html").read_text()
    assert page.count('type="audio/flac" id="audio-0-') == 4
    assert str(second) not in page


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("runs=last", "name two to six runs"),
        ("songs=1", "name two to 6 runs"),
        ("runs=last,nonsense", "no run, folder or file 'nonsense'"),
        ("runs=last,last", "is the run of baseline_cnn-band_small"),
    ],
)
def test_mistakes_are_one_line(at_home, command, capsys, word, line):
    with pytest.raises(SystemExit):
        command(compare, word)
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert line.replace("six", "6") in said
    assert said.count("\n") == 1


def test_runs_are_told_apart_by_letters(at_home, second):
    one, two = load_compared_runs(["last", str(second)], "mlruns")
    assert (one.letter, one.version, two.letter, two.version) == ("A", "mix1", "B", "mix2")


@pytest.fixture
def songs(songs_folder):
    return Folder(songs_folder).songs()


def split(folder, **columns):
    folder.mkdir()
    pd.DataFrame(columns).to_csv(folder / "split.csv", index=False)
    return folder


def test_songs_that_a_run_learned_from_are_left_out_by_name(songs, tmp_path):
    ids = [song.id for song in songs]
    known = split(tmp_path / "a", song=ids[:3], split=["train", "val", "test"])
    found = filter_holdout_songs(songs, {"A": known, "B": tmp_path / "nowhere"})
    assert found.excluded == {ids[0]: ["A"], ids[1]: ["A"]}
    assert [song.id for song in found.songs] == ids[2:]
    assert found.runs_without_split == ["B"]


def test_a_song_is_known_by_its_sound(songs, tmp_path):
    """Another collection may use the same ids, or have the same song under another."""
    from ai_mixer.data.file_digest import song_digest

    ids = [songs[1].id, "another name"]
    prints = ["0" * 16, song_digest(songs[0])]
    known = split(tmp_path / "a", song=ids, split=["train", "train"], audio=prints)
    assert filter_holdout_songs(songs, {"A": known}).excluded == {songs[0].id: ["A"]}


def test_no_song_is_left(songs, tmp_path):
    ids = [song.id for song in songs]
    known = split(tmp_path / "a", song=ids, split=["train"] * len(ids))
    with pytest.raises(ValueError, match=r"all 6 songs were in the training .* choose others"):
        filter_holdout_songs(songs, {"A": known})
