"""Every other stage on a finished run: evaluate, render, listen, loss scales."""

import webbrowser

import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from ai_mixer.cli.stages import evaluate, listen, loss_scales, render
from ai_mixer.evaluation.bench.timing import use_threads
from ai_mixer.training.builders import build_components

CHEAP = "[rough,loudness_only,mean_knobs,true_knobs]"


def test_evaluating_twice_gives_the_same_numbers(mixer):
    """The state of the global generator does not matter, nor the number of cores."""

    def records():
        torch.rand(7)
        return evaluate.evaluate(mixer, split="val", excerpts_per_song=2, seed=3).records

    first = records()
    pd.testing.assert_frame_equal(first, records())
    with use_threads(1):
        pd.testing.assert_frame_equal(first, records())


def test_the_conditions_hear_the_same_excerpts(trained):
    """What no model touches is equal under every condition."""
    records = pd.read_csv(trained.folder / "eval" / "records.csv")
    for system in ("rough", "mean_knobs"):
        mine = records[records["system"] == system]
        tables = [
            part.drop(columns="condition").reset_index(drop=True)
            for _, part in mine.groupby("condition")
        ]
        for other in tables[1:]:
            pd.testing.assert_frame_equal(tables[0], other)


def test_true_knobs_are_exact(trained):
    records = pd.read_csv(trained.folder / "eval" / "records.csv")
    true = records[records["system"] == "true_knobs"]
    errors = true[[name for name in true if name.startswith("error/")]]
    assert errors.max().max() == 0
    assert true["stft"].max() < 0.05


def test_evaluate_from_the_command_line(at_home, command, trained):
    """As at the end of the training: the very same numbers."""
    printed = command(evaluate, "excerpts_per_song=1", f"systems={CHEAP}", "speed=false")
    folder = trained.folder / "eval" / "band_small-test"
    assert printed.rstrip().endswith(str(folder / "tables.md"))
    assert "Protocol A" in printed
    then, now = (pd.read_csv(f / "records.csv") for f in (trained.folder / "eval", folder))
    pd.testing.assert_frame_equal(then, now, atol=1e-9)


def test_evaluate_on_other_songs(at_home, command, trained, songs_folder):
    words = ["data=folder", f"data.root={songs_folder}", "excerpts_per_song=1", "speed=false"]
    words.append(f"systems={CHEAP}")
    command(evaluate, f"run={trained.run.id[:8]}", *words)
    records = pd.read_csv(trained.folder / "eval" / "folder-test" / "records.csv")
    assert records["song_id"].str.contains("rock|jazz").all()
    assert records["error/reverb"].isna().all()  # there are no dry versions


def test_render_from_the_command_line(at_home, command, tmp_path, songs_folder):
    words = ["data=folder", f"data.root={songs_folder}", "split=train", "songs=4", "seconds=1"]
    printed = command(render, f"out={tmp_path}", *words)
    assert printed.strip() == str(tmp_path / "index.html")
    assert (tmp_path / "index.html").is_file()
    assert len(list(tmp_path.rglob("*.flac"))) == 4 * 3


def test_render_goes_into_the_run_unless_told(at_home, command, copied):
    printed = command(render, f"run={copied}", "songs=1", "seconds=1")
    assert printed.strip() == str(copied / "listening" / "index.html")


def test_listen_opens_the_page(at_home, command, trained, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    printed = command(listen)
    page = trained.folder / "listening" / "index.html"
    assert printed.strip() == str(page)
    assert opened == [page.as_uri()]


def test_listen_says_how_to_make_a_page(at_home, command, copied, capsys):
    with pytest.raises(SystemExit):
        command(listen, f"run={copied}")
    assert f"no such page: make render run={copied} makes it" in capsys.readouterr().err


def test_loss_scales_are_what_doing_nothing_costs(words, compose):
    parts = build_components(compose(*words))
    scales = loss_scales.measure(parts, examples=4)
    assert set(scales) == {"knobs", "perceptual", "balance", "dynamics"}
    assert all(value > 0 for value in scales.values())
    assert scales == loss_scales.measure(build_components(compose(*words)), examples=4)


def test_loss_scales_from_the_command_line(words, command, tmp_path, monkeypatch):
    """The page it writes is one that `loss/scale=` reads."""
    monkeypatch.setattr(loss_scales, "config_folder", lambda: tmp_path)
    printed = command(loss_scales, *words)
    page = tmp_path / "loss" / "scale" / "band_small_wide.yaml"
    assert printed.startswith(str(page))
    assert page.read_text().startswith("# ")
    scales = OmegaConf.load(page)
    assert set(scales) == {"knobs", "perceptual", "balance", "dynamics"}


@pytest.mark.parametrize("stage", [evaluate, render])
def test_a_run_that_is_not_there(stage, home, monkeypatch, command, capsys):
    monkeypatch.chdir(home)
    with pytest.raises(SystemExit):
        command(stage, "run=ffff_nothing")
    assert "no run, folder or file 'ffff_nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("run", ["12345678", "48e81234", "0123", "last"])
def test_a_run_id_that_looks_like_a_number_is_still_a_word(run, home, monkeypatch, command, capsys):
    """Seen: an id beginning 48e81234 became the number infinity."""
    asked = []

    def find(which, store):
        asked.append(which)
        raise SystemExit(1)

    monkeypatch.chdir(home)
    monkeypatch.setattr(evaluate, "find_run", find)
    with pytest.raises(SystemExit):
        command(evaluate, f"run={run}")
    assert asked == [run]
