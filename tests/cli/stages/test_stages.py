"""Stages on a finished run: evaluate, render, listen, loss scales."""

import shutil
import webbrowser

import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from ai_mixer.cli.stages import evaluate, listen, loss_scales, render
from ai_mixer.evaluation.bench.timing import use_threads
from ai_mixer.evaluation.evaluate import evaluate as evaluate_model
from ai_mixer.training.builders import build_components
from ai_mixer.training.loss_scales import measure_loss_scales

CHEAP = "[rough,loudness_only,mean_knobs,true_knobs]"


@pytest.mark.slow
def test_evaluation_is_deterministic(mixer):
    """It does not depend on the global random generator or the number of threads."""

    def records():
        torch.rand(7)
        return evaluate_model(
            mixer, split="val", excerpts_per_song=2, allow_seen=True, seed=3
        ).records

    first = records()
    pd.testing.assert_frame_equal(first, records())
    with use_threads(1):
        pd.testing.assert_frame_equal(first, records())


def test_all_conditions_have_the_same_excerpts(trained):
    """Systems that ignore the condition have equal records."""
    records = pd.read_csv(trained.folder / "eval" / "records.csv")
    for system in ("rough", "mean_knobs"):
        selected = records[records["system"] == system]
        tables = [
            part.drop(columns="condition").reset_index(drop=True)
            for _, part in selected.groupby("condition")
        ]
        for other in tables[1:]:
            pd.testing.assert_frame_equal(tables[0], other)


def test_true_knobs_have_no_error(trained):
    records = pd.read_csv(trained.folder / "eval" / "records.csv")
    true = records[records["system"] == "true_knobs"]
    errors = true[[name for name in true if name.startswith("error/")]]
    assert errors.max().max() == 0
    assert true["stft"].max() < 0.05


def test_evaluate_stage_repeats_the_records_of_the_training(at_home, command, trained):
    printed = command(evaluate, "excerpts_per_song=1", f"systems={CHEAP}", "speed=false")
    folder = trained.folder / "eval" / "band_small-test"
    assert printed.rstrip().endswith(str(folder / "tables.md"))
    assert "Protocol A" in printed
    before, after = (pd.read_csv(f / "records.csv") for f in (trained.folder / "eval", folder))
    pd.testing.assert_frame_equal(before, after, atol=1e-9)


@pytest.mark.slow
def test_evaluate_stage_on_other_songs(at_home, command, trained, songs_folder):
    overrides = ["data=folder", f"data.root={songs_folder}", "excerpts_per_song=1", "speed=false"]
    overrides.append(f"systems={CHEAP}")
    command(evaluate, f"run={trained.run.id[:8]}", *overrides)
    records = pd.read_csv(trained.folder / "eval" / "folder-test" / "records.csv")
    assert records["song_id"].str.contains("rock|jazz").all()
    assert records["error/reverb"].isna().all()  # no dry versions


def test_render_stage_writes_page_and_audio(at_home, command, tmp_path, songs_folder):
    overrides = ["data=folder", f"data.root={songs_folder}", "split=train", "songs=4", "seconds=1"]
    printed = command(render, f"out={tmp_path}", *overrides)
    assert printed.strip() == str(tmp_path / "index.html")
    assert "make app" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert len(list(tmp_path.rglob("*.flac"))) == 4 * 3


def test_render_stage_writes_into_the_run_by_default(at_home, command, trained, copied):
    shutil.copy(trained.folder / "config.yaml", copied)  # a run, not only its model
    printed = command(render, f"run={copied}", "songs=1", "seconds=1")
    page = copied / "listening" / "index.html"
    assert printed.strip() == str(page)
    hint = f"To turn the knobs of these songs: make app run={copied}"
    assert hint in page.read_text(encoding="utf-8")


def test_listen_stage_opens_the_page(at_home, command, trained, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    printed = command(listen)
    page = trained.folder / "listening" / "index.html"
    assert printed.strip() == str(page)
    assert opened == [page.as_uri()]


def test_listen_stage_without_a_page_is_an_error(at_home, command, copied, capsys):
    with pytest.raises(SystemExit):
        command(listen, f"run={copied}")
    assert f"make render run={copied}" in capsys.readouterr().err


def test_loss_scales_are_positive_and_deterministic(small_overrides, compose):
    parts = build_components(compose(*small_overrides))
    scales = measure_loss_scales(parts, examples=4)
    assert set(scales) == {"knobs", "perceptual", "balance", "dynamics"}
    assert all(value > 0 for value in scales.values())
    assert scales == measure_loss_scales(build_components(compose(*small_overrides)), examples=4)


def test_loss_scales_stage_writes_a_config(small_overrides, command, tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scales, "config_folder", lambda: tmp_path)
    printed = command(loss_scales, *small_overrides)
    file = tmp_path / "loss" / "scale" / "classic_band_small_wide.yaml"
    assert printed.startswith(str(file))
    assert file.read_text().startswith("# ")
    scales = OmegaConf.load(file)
    assert set(scales) == {"knobs", "perceptual", "balance", "dynamics"}


@pytest.mark.parametrize("stage", [evaluate, render])
def test_unknown_run_is_an_error(stage, home, monkeypatch, command, capsys):
    monkeypatch.chdir(home)
    with pytest.raises(SystemExit):
        command(stage, "run=ffff_nothing")
    assert "'ffff_nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("run", ["12345678", "48e81234", "0123", "last"])
def test_run_id_that_looks_like_a_number_is_text(run, home, monkeypatch, command):
    """Hydra reads 48e81234 as infinity."""
    names = []

    def find(name, store):
        names.append(name)
        raise SystemExit(1)

    monkeypatch.chdir(home)
    monkeypatch.setattr("ai_mixer.tracking.find_run", find)
    with pytest.raises(SystemExit):
        command(evaluate, f"run={run}")
    assert names == [run]
