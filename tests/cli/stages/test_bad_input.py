"""Damaged songs and invalid overrides: one-line messages, and trainings that continue."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from omegaconf import OmegaConf

from ai_mixer.cli.pipeline import train
from ai_mixer.cli.stages import evaluate, listen, render
from ai_mixer.cli.stages import train as train_stage
from ai_mixer.tracking import Run, Store
from ai_mixer.training.builders import build_components
from ai_mixer.training.loss_scales import measure_loss_scales
from ai_mixer.utils.progress import configure_warnings

RATE = 44100
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
SKIPPED_AT_START = {
    "text.wav": "cannot be read as sound",
    "six.wav": "6 channels",
    "blink.wav": "lasts 0.1 s",
    "link.wav": "which is not there",
    "gone.wav": "no such file",
}
SKIPPED_LATER = {  # while training
    "torn.flac": "is damaged",
    "holes.wav": "NaN",
    "silent.wav": "silent in each of",
}
UNUSUAL = ["telephone.wav", "mono.wav", "hot.wav", "Größe 日本.wav"]
GOOD = {"train": ["a.wav", "b.wav"], "val": ["c.wav", "d.wav"], "test": ["e.wav", "f.wav"]}


def noise(seconds=2.0, channels=2, rate=RATE):
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (round(seconds * rate), channels))


@pytest.fixture(scope="module")
def bad_music(tmp_path_factory):
    """Good songs and one of every damaged kind in the training split; one in the test split."""
    root = tmp_path_factory.mktemp("bad music")

    def write(name, audio, rate=RATE):
        soundfile.write(root / name, audio, rate, subtype=None if "flac" in name else "FLOAT")

    for name in [name for names in GOOD.values() for name in names] + ["Größe 日本.wav"]:
        write(name, noise())
    (root / "text.wav").write_text("not audio")
    write("six.wav", noise(channels=6))
    write("blink.wav", noise(0.1))
    (root / "link.wav").symlink_to(root / "nowhere.wav")
    for name in ("torn.flac", "torn in the test.flac"):
        write(name, noise())
        blob = (root / name).read_bytes()
        start, stop = len(blob) * 3 // 10, len(blob) * 6 // 10
        (root / name).write_bytes(blob[:start] + bytes(stop - start) + blob[stop:])
    holes = noise()
    holes[::4410] = np.nan
    write("holes.wav", holes)
    write("silent.wav", 0 * noise())
    write("telephone.wav", noise(rate=8000), 8000)
    write("mono.wav", noise(channels=1))
    write("hot.wav", 300 * noise())
    splits = {"torn in the test.flac": "test"}
    splits |= {name: split for split, names in GOOD.items() for name in names}
    names = [*SKIPPED_AT_START, *SKIPPED_LATER, *UNUSUAL, *splits]
    rows = [{"file": name, "split": splits.get(name, "train")} for name in names]
    pd.DataFrame(rows).to_csv(root / "manifest.csv", index=False)
    return root


@pytest.fixture(scope="module")
def path_overrides(tmp_path_factory):
    home = tmp_path_factory.mktemp("bad home")
    return [f"paths.{name}={home / name}" for name in ("data", "outputs", "mlruns")]


@pytest.fixture(scope="module")
def trained_on_bad_music(bad_music, path_overrides, compose):
    """The run trained on that music with two workers, and its warnings."""
    overrides = [
        "data=folder",
        f"data.root='{bad_music}'",
        "model=baseline_cnn",
        "model.channels=8",
        "loader.excerpt_s=1",
        "loader.excerpts_per_song=3",
        "loader.held_out_per_song=3",
        "loader.batch_size=4",
        "loader.workers=2",
        "trainer.max_epochs=1",
        "evaluate.excerpts_per_song=2",
        "render.songs=3",
        "render.seconds=1",
        *path_overrides,
    ]
    configure_warnings()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = train(compose(*overrides), compose(), overrides, {"data": "folder"})
    return run, {str(warning.message) for warning in caught}


@pytest.mark.slow
def test_damaged_songs_do_not_end_a_training(trained_on_bad_music):
    run, _ = trained_on_bad_music
    assert run.store.client.get_run(run.id).info.status == "FINISHED"


@pytest.mark.slow
def test_skipped_songs_are_counted(trained_on_bad_music):
    run, _ = trained_on_bad_music
    metrics = run.store.client.get_run(run.id).data.metrics
    assert metrics["data_skipped_songs"] == len(SKIPPED_AT_START) + len(SKIPPED_LATER)
    assert metrics["test_skipped_songs"] == 1


@pytest.mark.slow
def test_skipped_songs_are_listed_with_reasons(trained_on_bad_music):
    run, _ = trained_on_bad_music
    table = pd.read_csv(run.artifact_dir / "skipped.csv")
    reasons = {Path(file).name: why for file, why in zip(table.file, table.reason, strict=True)}
    assert set(reasons) == {*SKIPPED_AT_START, *SKIPPED_LATER}
    for name, reason in (SKIPPED_AT_START | SKIPPED_LATER).items():
        assert reason in reasons[name]
    (late,) = pd.read_csv(run.artifact_dir / "eval" / "skipped.csv").file
    assert Path(late).name == "torn in the test.flac"
    assert "skipped songs: 1" in (run.artifact_dir / "eval" / "tables.md").read_text()


@pytest.mark.slow
def test_each_skipped_song_is_reported_once(trained_on_bad_music):
    """Those known at the start in one warning, the others when they are read."""
    _, messages = trained_on_bad_music
    skipped = [line for line in messages if "skipped" in line]
    (start,) = [
        line for line in skipped if line.startswith(f"{len(SKIPPED_AT_START)} songs skipped: ")
    ]
    assert "text.wav" in start
    for name in (*SKIPPED_LATER, "torn in the test.flac"):
        assert len([line for line in skipped if f"/{name}: " in line]) == 1, name
    assert any("telephone (8000 Hz)" in line for line in messages)


@pytest.mark.slow
def test_unusual_songs_are_used(trained_on_bad_music):
    run, _ = trained_on_bad_music
    songs = set(pd.read_csv(run.artifact_dir / "split.csv").song)
    assert {Path(name).stem for name in UNUSUAL} <= songs


@pytest.mark.slow
def test_listening_page_names_the_song_that_replaces_a_damaged_one(trained_on_bad_music):
    run, _ = trained_on_bad_music
    files = {file.name for file in (run.artifact_dir / "listening").rglob("*.flac")}
    assert files
    assert not any("torn" in file for file in files)


@pytest.fixture
def error_of(monkeypatch, capsys):
    """Function: a stage and overrides → its one-line error."""

    def run(stage, *overrides):
        monkeypatch.setattr(sys, "argv", [stage.__name__, *overrides])
        with pytest.raises(SystemExit) as caught:
            stage.main()
        assert caught.value.code == 1
        lines = capsys.readouterr().err.splitlines()
        (line,) = [line for line in lines if line.startswith("error: ")]
        assert lines[-1] == line
        return line

    return run


@pytest.fixture
def train_overrides(path_overrides):
    return ["~local", "data=folder", "model=baseline_cnn", *path_overrides]


def test_names_that_look_like_numbers_are_text(monkeypatch, command, train_overrides):
    configs = []
    monkeypatch.setattr("ai_mixer.cli.pipeline.train", lambda cfg, *_: configs.append(cfg))
    command(train_stage, *train_overrides, "run_name=2024", "experiment_name=7")
    assert (configs[0].run_name, configs[0].experiment_name) == ("2024", "7")


def test_missing_folder_is_an_error(error_of, train_overrides):
    line = error_of(train_stage, *train_overrides, "data.root=/no/such/folder")
    assert line.startswith("error: data.root=/no/such/folder")


def test_folder_without_songs_is_an_error(error_of, train_overrides, tmp_path):
    (tmp_path / "notes.txt").write_text("no songs")
    line = error_of(train_stage, *train_overrides, f"data.root={tmp_path}")
    assert line.startswith(f"error: {tmp_path}")


def test_unset_folder_is_an_error(error_of, train_overrides, monkeypatch):
    monkeypatch.delenv("AI_MIXER_MUSIC", raising=False)
    assert "data.root=" in error_of(train_stage, *train_overrides)


def test_folder_of_damaged_songs_is_an_error(error_of, train_overrides, tmp_path):
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_text("not audio")
    line = error_of(train_stage, *train_overrides, f"data.root={tmp_path}")
    assert f"{tmp_path}/one.wav" in line


@pytest.mark.slow
def test_error_of_a_worker_is_one_line_and_fails_the_run(error_of, train_overrides, tmp_path):
    """All songs are silent, which a worker finds."""
    for number in range(6):
        path = tmp_path / "rock" / f"artist {number}" / "song.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, 0 * noise(), RATE)
    overrides = ["loader.excerpt_s=1", "experiment_name=silence", "loader.workers=1"]
    line = error_of(train_stage, *train_overrides, f"data.root={tmp_path}", *overrides)
    assert re.match(r"error: 4 songs .*song\.wav: silent", line)
    mlruns = next(text.partition("=")[2] for text in train_overrides if "mlruns" in text)
    store = Store(mlruns)
    (run,) = store.client.search_runs([store.experiment("silence")])
    assert run.info.status == "FAILED"


def test_split_without_songs_is_an_error(error_of, train_overrides, tmp_path):
    soundfile.write(tmp_path / "only.wav", noise(6.0), RATE)
    line = error_of(train_stage, *train_overrides, f"data.root={tmp_path}")
    assert re.search(r"no songs in (train|val|test)", line)


STAGES = [evaluate, render, listen]


@pytest.mark.parametrize("stage", STAGES)
def test_unknown_run_is_an_error(stage, error_of, at_home):
    assert "'ffff'" in error_of(stage, "run=ffff")


@pytest.mark.parametrize("stage", STAGES)
def test_empty_store_is_an_error(stage, error_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no run" in error_of(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_run_without_a_model_is_an_error(stage, error_of, at_home):
    with Run.start(Store(at_home / "mlruns"), "empty") as run:
        pass
    assert run.id in error_of(stage, f"run={run.id}")


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("evaluate.excerpts_per_song=0", "excerpts_per_song must be a number above 0, got 0"),
        ("render.seconds=-1", "render.seconds must be a number above 0, got -1"),
        pytest.param("trainer=gpu", "No supported gpu backend found", marks=without_gpu),
    ],
)
def test_what_would_fail_later_fails_before_a_run_is_opened(
    word, line, error_of, train_overrides, bad_music, tmp_path
):
    overrides = [
        *train_overrides,
        f"data.root='{bad_music}'",
        f"paths.mlruns={tmp_path}/mlruns",
        word,
    ]
    assert line in error_of(train_stage, *overrides)
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize("stage", [evaluate, render])
def test_a_split_that_is_none(stage, error_of, at_home):
    assert "split 'valid' is none of train, val, test" in error_of(stage, "split=valid")


@pytest.mark.parametrize("stage", [evaluate, render])
def test_data_without_that_split(stage, error_of, at_home, tmp_path):
    soundfile.write(tmp_path / "only.wav", noise(11.0), RATE)
    line = error_of(stage, "data=folder", f"data.root={tmp_path}", "split=test")
    assert re.search(r"no songs in test \(songs per split: \{'train': 1\}\): add songs", line)


def test_a_model_of_another_time(error_of, copied):
    """A key in model.json that its class no longer takes."""
    card = copied / "model.json"
    card.write_text(card.read_text().replace('"channels"', '"chanels"'))
    line = error_of(evaluate, f"run={copied}")
    assert re.search(r"BaselineCNN: unexpected keyword argument 'chanels'; it takes n_knobs", line)


@pytest.mark.slow
def test_loss_scales_report_damaged_songs(trained_on_bad_music, bad_music, path_overrides, compose):
    overrides = [
        "data=folder",
        f"data.root='{bad_music}'",
        "model=baseline_cnn",
        "loader.excerpt_s=1",
    ]
    parts = build_components(compose(*overrides, *path_overrides, "loader.excerpts_per_song=1"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        measure_loss_scales(parts, examples=100)
    assert any(
        re.search(r"song skipped: .*silent\.wav", str(warning.message)) for warning in caught
    )


@pytest.mark.slow
def test_two_trainings_start_at_once_in_an_empty_folder(small_overrides, tmp_path):
    """Both need the band and the database, which do not exist."""
    overrides = [text for text in small_overrides if not text.startswith("paths.")]
    command = [sys.executable, "-m", "ai_mixer.cli.stages.train", *overrides]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **options) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    for process, (out, err) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, err
        assert "error" not in err
        assert "Traceback" not in err
        assert "listening page:" in out
    store = Store(tmp_path / "mlruns")
    runs = store.client.search_runs([store.experiment("debug")])
    assert [run.info.status for run in runs] == ["FINISHED"] * 2
    numbers = [{k: v for k, v in r.data.metrics.items() if "system" not in k} for r in runs]
    assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)
    (band,) = (tmp_path / "data").rglob("manifest.csv")
    assert len([song for song in band.parent.iterdir() if song.is_dir()]) == 6
    assert not list((tmp_path / "data").rglob(".*"))
    assert OmegaConf.load(next((tmp_path / "mlruns").rglob("config.yaml")))
