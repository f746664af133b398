"""Models are not judged by songs that they have seen in training, unless the results say so."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ai_mixer.cli.ensemble import _leave_out_training_songs
from ai_mixer.cli.stages import evaluate, render
from ai_mixer.cli.stages.package import package
from ai_mixer.data.file_digest import digest_file
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet, digest_numbers
from ai_mixer.evaluation.leaderboard.entries import LeaderboardEntry
from ai_mixer.evaluation.leaderboard.evaluate import EvaluationSettings, evaluate_entries
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import load_model
from ai_mixer.inference.seen_songs import SeenSongs, load_seen_songs
from ai_mixer.tracking import Store
from ai_mixer.training.builders import build_datamodule

QUICK = ("excerpts_per_song=1", "speed=false", "systems=[rough]", "condition=blind")


@pytest.fixture(scope="module")
def renamed(trained, tmp_path_factory):
    """A folder with the songs of all splits under other names, all of them for the test."""
    root = tmp_path_factory.mktemp("renamed")
    paths = pd.read_csv(trained.folder / "manifest.csv")["path"]
    for number, path in enumerate(paths):
        shutil.copy(path, root / f"{number}.flac")
    rows = "".join(f"{number}.flac,test\n" for number in range(len(paths)))
    (root / "manifest.csv").write_text(f"file,split\n{rows}")
    return root


def error_of(command, capsys, *arguments):
    with pytest.raises(SystemExit):
        command(*arguments)
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    return line


def test_run_records_the_songs_of_each_split(trained, mixer):
    songs = pd.read_csv(trained.folder / "manifest.csv").set_index("song")["path"]
    split = pd.read_csv(trained.folder / "split.csv").set_index("song")["split"]
    seen = load_seen_songs(mixer.folder, MetadataCache())
    for name in SeenSongs._fields:
        digests = [digest_file(path) for path in map(type(trained.folder), songs[split == name])]
        assert getattr(seen, name).digests.tolist() == digest_numbers(digests).tolist()
    assert len(seen.train.fingerprints) == 2 * (split == "train").sum()  # stereo has two


@pytest.mark.slow
def test_training_songs_are_left_out_of_other_data(at_home, command, trained, renamed):
    output = command(evaluate, "data=folder", f"data.root={renamed}", *QUICK)
    assert output.count("seen in training: 4 of 6 songs, left out") == 1
    folder = trained.folder / "eval" / "folder-test-blind"
    assert "seen in training: 4 of 6 songs, left out" in (folder / "tables.md").read_text()
    records = pd.read_csv(folder / "records.csv")
    digests = digest_numbers([digest_file(renamed / f"{n}.flac") for n in records["song_id"]])
    seen = load_seen_songs(trained.folder, MetadataCache())
    assert digests.tolist() == seen.test.digests.tolist()
    assert "seen_in_training" not in records


@pytest.mark.slow
def test_own_test_split_stays_as_it_is(at_home, command, trained):
    assert "seen in training" not in command(evaluate, *QUICK)
    records = pd.read_csv(trained.folder / "eval" / "band_small-test-blind" / "records.csv")
    split = pd.read_csv(trained.folder / "split.csv")["split"]
    assert records["song_id"].nunique() == split.eq("test").sum()


@pytest.mark.parametrize(("stage", "options"), [(evaluate, QUICK), (render, ["seconds=1"])])
def test_songs_of_the_training_are_refused(at_home, command, capsys, trained, stage, options):
    line = error_of(command, capsys, stage, "split=val", *options)
    assert "seen in training" in line
    assert line.endswith("or set allow_seen=true")


@pytest.mark.slow
def test_allow_seen_marks_tables_files_and_metrics(at_home, command, trained):
    output = command(evaluate, "split=val", "allow_seen=true", *QUICK)
    headings = [line for line in output.splitlines() if line.startswith("#")]
    assert headings
    assert all(line.endswith("(seen in training)") for line in headings)
    folder = trained.folder / "eval" / "band_small-val-blind-seen"
    tables = [pd.read_csv(file) for file in folder.glob("*.csv")]
    assert len(tables) >= 9
    assert all(table["seen_in_training"].all() for table in tables if len(table))
    metrics = Store(at_home / "mlruns").client.get_run(trained.run.id).data.metrics
    assert "eval_band_small-val-blind-seen_closeness_blind" in metrics


@pytest.mark.slow
def test_allow_seen_marks_the_listening_page(at_home, command, trained, tmp_path):
    options = ("songs=1", "seconds=1", f"out={tmp_path}")
    command(render, "split=val", "allow_seen=true", *options)
    page = (tmp_path / "index.html").read_text()
    assert "(seen in training)</title>" in page
    assert "Seen in training: 2 of 2 songs, not left out." in page
    command(render, *options)
    assert "een in training" not in (tmp_path / "index.html").read_text()


def test_packaged_model_knows_the_songs_of_all_folds(tmp_path, monkeypatch, trained, mixer):
    monkeypatch.setattr(pretrained, "MODELS_DIR", tmp_path)
    seen = load_seen_songs(trained.folder, MetadataCache())
    fold = tmp_path / "fold"
    fold.mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(trained.folder / name, fold)
    SeenSongs(train=seen.test, val=seen.train, test=seen.val).save(fold)
    target = package(tmp_path, trained.folder, "my_model", "It mixes.", None, folds=[fold])
    packaged = load_seen_songs(target, MetadataCache())
    everything = np.concatenate([songs.digests for songs in seen])
    assert packaged.learned_from.digests.tolist() == sorted(everything)
    assert len(packaged.test.digests) == 0
    assert load_model(target).folder == target
    (fold / "seen_songs.safetensors").unlink()  # unknown for one fold: unknown
    target = package(tmp_path, trained.folder, "my_model", "It mixes.", None, folds=[fold])
    assert load_seen_songs(target, MetadataCache()) is None


@pytest.mark.slow
def test_model_without_a_record_says_so_once(at_home, command, copied):
    output = command(evaluate, f"run={copied}", *QUICK)
    assert output.count("songs seen in training: unknown for model") == 1


def test_ensemble_is_weighted_on_songs_that_no_member_was_trained_on(trained, mixer, tmp_path, log):
    data = build_datamodule(mixer.config, mixer.console)
    val = data.songs("val")
    seen = load_seen_songs(trained.folder, MetadataCache())
    members = [trained.folder, tmp_path / "other" / "artifacts"]
    kept = _leave_out_training_songs(data, members, [seen, seen], allow_seen=False)
    assert data.songs("val") == kept.songs == val  # val of both: no member was trained on them
    other = seen._replace(train=SongSet.of(val, MetadataCache()))
    marked = _leave_out_training_songs(data, members, [seen, other], allow_seen=True)
    assert marked.is_marked
    assert "validation songs seen in training: 2 of 2 songs, not left out" in log.text
    with pytest.raises(ValueError, match=r"seen in training .*by other.*allow_seen=true"):
        _leave_out_training_songs(data, members, [seen, other], allow_seen=False)


def test_leaderboard_refuses_songs_that_an_entry_has_seen(trained, mixer, tmp_path):
    """Another entry was trained on the test songs of this fold."""
    seen = load_seen_songs(trained.folder, MetadataCache())
    for name in ("model.json", "model.safetensors"):
        shutil.copy(trained.folder / name, tmp_path)
    seen._replace(train=SongSet(seen.test.digests), test=seen.train).save(tmp_path)
    rows = [
        LeaderboardEntry("one", seeds={0: {"0/3": trained.folder}}),
        LeaderboardEntry("two", seeds={0: {"0/3": tmp_path}}),
    ]
    with pytest.raises(ValueError, match=r"seen in training .*by two 0"):
        evaluate_entries(rows, ["0/3"], EvaluationSettings(examples=21))
    assert json.loads((tmp_path / "model.json").read_text())["run"] == trained.run.id
