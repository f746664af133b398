"""`make evaluate`: systems, data, options and errors."""

import importlib.util
import sys

import pandas as pd
import pytest
import soundfile
import torch

from ai_mixer.cli.stages import evaluate
from ai_mixer.evaluation import evaluate as evaluate_module
from ai_mixer.evaluation.evaluate import evaluate as evaluate_model
from ai_mixer.evaluation.speed import table_speed
from ai_mixer.tracking import Store
from ai_mixer.training.export import load_from_checkpoint
from helpers.signals import noise

SPEECH = all(importlib.util.find_spec(name) for name in ("pesq", "pystoi"))
QUICK = ("excerpts_per_song=1", "speed=false", "systems=[loudness_only]")


@pytest.fixture
def error_of(monkeypatch, capsys):
    """Function: invalid overrides → the error message."""

    def run(*overrides):
        monkeypatch.setattr(sys, "argv", ["evaluate", *overrides])
        with pytest.raises(SystemExit):
            evaluate.main()
        errors = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
        assert len(errors) == 1
        return errors[0]

    return run


@pytest.mark.slow
def test_all_fast_systems_are_evaluated_on_the_same_excerpts(at_home, command, trained):
    """The compared run is the run itself."""
    options = ("examples=21", "excerpts_per_song=1", "speed=false", "compare_run=last")
    command(evaluate, *options, "split=val", "allow_seen=true")
    folder = trained.folder / "eval" / "band_small-val-seen"
    records = pd.read_csv(folder / "records.csv")
    counts = records.groupby(["condition", "system"]).size().unstack()
    assert set(counts) == {
        *("rough", "loudness_only", "mean_knobs", "ridge", "trees", "spectrum_match"),
        *("compare_run", "model", "true_knobs"),
    }
    assert counts["spectrum_match"].isna().tolist() == [True, False, False]  # not blind
    assert len(pd.read_csv(folder / "songs.csv")) == counts.sum().sum()  # an excerpt of each
    extra = ["system", "standard/thd_n_percent"]
    model, compare_run = (
        records[records["system"] == name].reset_index(drop=True)
        for name in ("model", "compare_run")
    )
    pd.testing.assert_frame_equal(model.drop(columns=extra), compare_run.drop(columns=extra))
    assert model[extra[1]].between(0, 0.1).all()


@pytest.mark.slow
def test_repeated_evaluation_gives_equal_files_and_one_metric_point(at_home, command, trained):
    folder = trained.folder / "eval" / "band_small-train-seen"
    written = []
    for _ in range(2):
        command(evaluate, "split=train", "allow_seen=true", *QUICK)
        names = ("records.csv", "versus.csv", "tables.md")
        written.append([(folder / name).read_bytes() for name in names])
    assert written[0] == written[1]
    assert (folder / "closeness.png").is_file()
    client = Store(at_home / "mlruns").client
    history = client.get_metric_history(trained.run.id, "eval_band_small-train-seen_skill_blind")
    assert len(history) == 1
    assert client.get_run(trained.run.id).info.status == "FINISHED"


@pytest.mark.slow
def test_condition_and_excerpt_length_are_in_the_folder_name(at_home, command, trained):
    command(evaluate, "condition=paired", "excerpt=2", *QUICK)
    folder = trained.folder / "eval" / "band_small-test-2-paired"
    assert set(pd.read_csv(folder / "records.csv")["condition"]) == {"paired"}


@pytest.mark.slow
def test_whole_songs_have_no_reference(mixer):
    with pytest.warns(UserWarning, match="no song has a reference"):
        tables = evaluate_model(mixer, excerpt="full", excerpts_per_song=1)
    assert tables.conditions == ("blind", "paired")
    assert "reference" not in tables.markdown().partition("Protocol K")[2]


@pytest.mark.slow
def test_lightning_checkpoint_is_evaluated(at_home, command, trained, mixer):
    """The model files are made from last.ckpt if the last epoch was the best."""
    (file, *_) = sorted((trained.folder / "checkpoints").glob("last*.ckpt"))
    command(evaluate, f"run={file}", *QUICK)
    folder = trained.folder / "eval" / f"band_small-test-{file.stem}"
    assert (folder / "tables.md").is_file()
    loaded, expected = load_from_checkpoint(file), mixer
    assert torch.equal(loaded.trained_knobs, expected.trained_knobs)
    assert set(loaded.card) == set(expected.card) - {"format", "weights_sha256", "calibration"}


@pytest.mark.slow
def test_unavailable_system_is_listed_as_not_evaluated(mixer):
    tables = evaluate_model(mixer, excerpts_per_song=1, systems=["matching"], condition="paired")
    assert set(tables.missing) <= {"matching"}
    assert ("not evaluated: `matching`" in tables.markdown()) == bool(tables.missing)


def test_invalid_options_are_one_line_errors(at_home, error_of, trained, tmp_path, songs_folder):
    assert "systems: 'ridgy'" in error_of("systems=[ridgy]")
    assert "condition 'mono'" in error_of("condition=mono")
    options = ("data=folder", f"data.root={songs_folder}", "excerpt=3", "condition=reference")
    assert "condition=reference" in error_of(*options)
    assert "excerpt" in error_of("excerpt=-1")
    assert "nowhere.ckpt" in error_of(f"run={tmp_path}/nowhere.ckpt")
    assert "'ffff'" in error_of("compare_run=ffff")


def test_missing_speech_packages_raise_before_the_evaluation(at_home, error_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)  # as if it were not installed
    monkeypatch.setattr(
        evaluate_module, "prepare_systems", lambda *_, **__: pytest.fail("too late")
    )
    assert "pesq" in error_of("speech=true")


@pytest.mark.skipif(not SPEECH, reason="the extra `speech` is not installed")
def test_speech_metrics_are_in_the_scores(mixer):
    tables = evaluate_model(mixer, excerpts_per_song=1, speech=True)
    assert {"speech/pesq", "speech/stoi", "speech/quality"} <= set(tables.scores)


@pytest.mark.slow
def test_scores_are_in_the_markdown(mixer):
    tables = evaluate_model(mixer, excerpts_per_song=1, condition="paired")
    scores = tables.scores.loc["paired"]
    assert list(scores.index) == ["rough", "mean_knobs", "model"]
    assert scores.drop(columns="songs").stack().between(0, 1).all()
    assert "## Scores" in tables.full_markdown()


def test_pair_of_different_length_is_an_error(at_home, error_of, tmp_path):
    for name, seconds in (("before", 4), ("after", 6)):
        (tmp_path / "pairs" / "song").mkdir(parents=True, exist_ok=True)
        audio = noise(seconds * 44100, 2).numpy()
        soundfile.write(tmp_path / "pairs" / "song" / f"{name}.wav", audio, 44100)
    assert "song" in error_of("data=folder", f"data.root={tmp_path}")


@pytest.mark.slow
def test_speed_table_has_three_rows(mixer):
    table = table_speed(mixer, seconds=1.0, rounds=1)
    assert table.index.tolist() == ["listening", "rendering", "whole"]
    assert (table[["seconds", "real_time"]] > 0).all().all()
