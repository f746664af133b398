"""`make evaluate` as a user types it: beside whom, on what, and what cannot be."""

import importlib.util
import sys

import pandas as pd
import pytest
import soundfile
import torch

from ai_mixer.cli.stages import evaluate
from ai_mixer.evaluation.speed import table_speed
from ai_mixer.tracking import Store

SPEECH = all(importlib.util.find_spec(name) for name in ("pesq", "pystoi"))
QUICK = ("excerpts_per_song=1", "speed=false", "systems=[loudness_only]")


@pytest.fixture
def refused(monkeypatch, capsys):
    """A function: run the stage with words it must refuse; returns the line."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["evaluate", *words])
        with pytest.raises(SystemExit):
            evaluate.main()
        errors = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
        assert len(errors) == 1
        return errors[0]

    return run


def test_every_cheap_system_on_the_same_excerpts(at_home, command, trained):
    """Also a champion: itself."""
    words = ("examples=21", "excerpts_per_song=1", "speed=false", "compare_run=last", "split=val")
    command(evaluate, *words)
    folder = trained.folder / "eval" / "band_small-val"
    records = pd.read_csv(folder / "records.csv")
    counts = records.groupby(["condition", "system"]).size().unstack()
    assert set(counts) == {
        *("rough", "loudness_only", "mean_knobs", "ridge", "trees", "spectrum_match"),
        *("champion", "model", "true_knobs"),
    }
    assert counts["spectrum_match"].isna().tolist() == [True, False, False]  # not blind
    assert len(pd.read_csv(folder / "songs.csv")) == counts.sum().sum()  # an excerpt of each
    extra = ["system", "standard/thd_n_percent"]
    model, compare_run = (
        records[records["system"] == name].reset_index(drop=True) for name in ("model", "champion")
    )
    pd.testing.assert_frame_equal(model.drop(columns=extra), compare_run.drop(columns=extra))
    assert model[extra[1]].between(0, 0.1).all()


def test_twice_gives_the_same_files_and_the_run_keeps_one_point(at_home, command, trained):
    folder = trained.folder / "eval" / "band_small-train"
    written = []
    for _ in range(2):
        command(evaluate, "split=train", *QUICK)
        names = ("records.csv", "versus.csv", "tables.md")
        written.append([(folder / name).read_bytes() for name in names])
    assert written[0] == written[1]
    assert (folder / "closeness.png").is_file()
    client = Store(at_home / "mlruns").client
    history = client.get_metric_history(trained.run.id, "eval/band_small-train/skill_blind")
    assert len(history) == 1
    assert client.get_run(trained.run.id).info.status == "FINISHED"


def test_one_condition_and_another_length_have_a_folder_of_their_own(at_home, command, trained):
    command(evaluate, "condition=paired", "excerpt=2", *QUICK)
    folder = trained.folder / "eval" / "band_small-test-2-paired"
    assert set(pd.read_csv(folder / "records.csv")["condition"]) == {"paired"}


def test_whole_songs_have_no_reference(mixer):
    with pytest.warns(UserWarning, match="as whole songs no song has a reference: left out"):
        tables = evaluate.evaluate(mixer, excerpt="full", excerpts_per_song=1)
    assert tables.conditions == ("blind", "paired")
    assert "reference" not in tables.markdown().partition("Protocol K")[2]


def test_a_checkpoint_of_lightning(at_home, command, trained, mixer):
    """last.ckpt is what the model files were made from, if the last epoch was the best."""
    (file, *_) = sorted((trained.folder / "checkpoints").glob("last*.ckpt"))
    command(evaluate, f"run={file}", *QUICK)
    folder = trained.folder / "eval" / f"band_small-test-{file.stem}"
    assert (folder / "tables.md").is_file()
    got, expected = evaluate.load_checkpoint(file), mixer
    assert torch.equal(got.trained, expected.trained)
    assert set(got.card) == set(expected.card) - {"format", "weights_sha256", "calibration"}


def test_a_system_that_cannot_take_part_is_named(mixer):
    tables = evaluate.evaluate(mixer, excerpts_per_song=1, systems=["matching"], condition="paired")
    assert set(tables.missing) <= {"matching"}
    assert ("not here: `matching`" in tables.markdown()) == bool(tables.missing)


def test_what_cannot_be(at_home, refused, trained, tmp_path, songs_folder):
    """One line each."""
    assert "systems: 'ridgy' is none of rough" in refused("systems=[ridgy]")
    assert "condition 'deaf' is none of blind" in refused("condition=deaf")
    words = ("data=folder", f"data.root={songs_folder}", "excerpt=3", "condition=reference")
    assert "no song has other music to refer to" in refused(*words)
    assert "excerpt must be seconds above 0, or full" in refused("excerpt=-1")
    assert "nowhere.ckpt cannot be read" in refused(f"run={tmp_path}/nowhere.ckpt")
    assert "no run, folder or file 'ffff'" in refused("compare_run=ffff")


def test_speech_metrics_that_are_not_installed_are_said_at_once(at_home, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)  # as if it were not there
    monkeypatch.setattr(evaluate, "take_part", lambda *_, **__: pytest.fail("too late"))
    assert "speech metrics need the package pesq" in refused("speech=true")


@pytest.mark.skipif(not SPEECH, reason="the extra `speech` is not installed")
def test_speech_metrics_where_asked_for(mixer):
    tables = evaluate.evaluate(mixer, excerpts_per_song=1, speech=True)
    assert {"speech/pesq", "speech/stoi", "speech/quality"} <= set(tables.scores)


def test_scores_are_in_the_tables(mixer):
    tables = evaluate.evaluate(mixer, excerpts_per_song=1, condition="paired")
    scores = tables.scores.loc["paired"]
    assert list(scores.index) == ["rough", "mean_knobs", "model"]
    assert scores.drop(columns="songs").stack().between(0, 1).all()
    assert "## Scores" in tables.report()


def test_pairs_of_different_length_are_named_and_left_out(at_home, refused, tmp_path, capsys):
    for name, seconds in (("before", 4), ("after", 6)):
        (tmp_path / "pairs" / "song").mkdir(parents=True, exist_ok=True)
        noise = torch.randn(seconds * 44100, 2).mul(0.1).numpy()
        soundfile.write(tmp_path / "pairs" / "song" / f"{name}.wav", noise, 44100)
    assert "export both alike" in refused("data=folder", f"data.root={tmp_path}")


def test_speed_is_a_row_for_each_part(mixer):
    table = table_speed(mixer, seconds=1.0, rounds=1)
    assert table.index.tolist() == ["listening", "rendering", "whole"]
    assert (table[["seconds", "real_time"]] > 0).all().all()
