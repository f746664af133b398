"""Bad songs and bad words, as a user meets them: one line each, and no work lost."""

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
from ai_mixer.cli.stages import evaluate, listen, loss_scales, render
from ai_mixer.cli.stages import train as train_stage
from ai_mixer.tracking import Run, Store
from ai_mixer.utils.progress import configure_warnings

RATE = 44100
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
LEFT_OUT = {  # from the start
    "text.wav": "cannot be read as sound",
    "six.wav": "6 channels",
    "blink.wav": "lasts 0.1 s",
    "link.wav": "which is not there",
    "gone.wav": "no such file",
}
FOUND_OUT = {  # while training
    "torn.flac": "is damaged",
    "holes.wav": "NaN",
    "silent.wav": "silent in each of",
}
ODD = ["telephone.wav", "mono.wav", "hot.wav", "Größe 日本.wav"]
GOOD = {"train": ["a.wav", "b.wav"], "val": ["c.wav", "d.wav"], "test": ["e.wav", "f.wav"]}


def noise(seconds=2.0, channels=2, rate=RATE):
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (round(seconds * rate), channels))


@pytest.fixture(scope="module")
def bad_music(tmp_path_factory):
    """Good songs and one of every bad kind, the bad ones in the training; one in the test, too."""
    root = tmp_path_factory.mktemp("bad music")

    def write(name, audio, rate=RATE):
        soundfile.write(root / name, audio, rate, subtype=None if "flac" in name else "FLOAT")

    for name in [name for names in GOOD.values() for name in names] + ["Größe 日本.wav"]:
        write(name, noise())
    (root / "text.wav").write_text("Dear diary")
    write("six.wav", noise(channels=6))
    write("blink.wav", noise(0.1))
    (root / "link.wav").symlink_to(root / "nowhere.wav")
    for name in ("torn.flac", "torn in the test.flac"):
        write(name, noise())
        blob = (root / name).read_bytes()
        (root / name).write_bytes(blob[: len(blob) // 20])
    holes = noise()
    holes[::4410] = np.nan
    write("holes.wav", holes)
    write("silent.wav", 0 * noise())
    write("telephone.wav", noise(rate=8000), 8000)
    write("mono.wav", noise(channels=1))
    write("hot.wav", 300 * noise())
    splits = {"torn in the test.flac": "test"}
    splits |= {name: split for split, names in GOOD.items() for name in names}
    names = [*LEFT_OUT, *FOUND_OUT, *ODD, *splits]
    rows = [{"file": name, "split": splits.get(name, "train")} for name in names]
    pd.DataFrame(rows).to_csv(root / "manifest.csv", index=False)
    return root


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    home = tmp_path_factory.mktemp("bad home")
    return [f"paths.{name}={home / name}" for name in ("data", "outputs", "mlruns")]


@pytest.fixture(scope="module")
def learned(bad_music, places, compose):
    """The run trained on that music, with two workers; and what was said meanwhile."""
    words = [
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
        *places,
    ]
    configure_warnings()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = train(compose(*words), compose(), words, {"data": "folder"})
    return run, {str(one.message) for one in caught}  # on the screen each comes once


def test_bad_songs_do_not_end_a_training(learned):
    run, _ = learned
    assert run.store.client.get_run(run.id).info.status == "FINISHED"


def test_they_are_counted_in_the_run(learned):
    run, _ = learned
    metrics = run.store.client.get_run(run.id).data.metrics
    assert metrics["data/skipped_songs"] == len(LEFT_OUT) + len(FOUND_OUT)
    assert metrics["test/skipped_songs"] == 1


def test_each_is_listed_with_its_reason(learned):
    run, _ = learned
    table = pd.read_csv(run.artifact_dir / "skipped.csv")
    reasons = {Path(file).name: why for file, why in zip(table.file, table.reason, strict=True)}
    assert set(reasons) == {*LEFT_OUT, *FOUND_OUT}
    for name, reason in (LEFT_OUT | FOUND_OUT).items():
        assert reason in reasons[name]
    (late,) = pd.read_csv(run.artifact_dir / "eval" / "skipped.csv").file
    assert Path(late).name == "torn in the test.flac"
    assert "songs left out: 1" in (run.artifact_dir / "eval" / "tables.md").read_text()


def test_each_is_named_on_the_screen(learned):
    """Those known from the start in one line, the others when they are met, each once."""
    _, said = learned
    skipped = [line for line in said if "skipped" in line]
    (start,) = [line for line in skipped if line.startswith(f"{len(LEFT_OUT)} songs skipped: ")]
    assert "text.wav: cannot be read as sound" in start
    for name in (*FOUND_OUT, "torn in the test.flac"):
        assert len([line for line in skipped if f"/{name}: " in line]) == 1, name
    (odd,) = [line for line in said if "sampled so low" in line]
    assert odd.endswith("telephone (8000 Hz)")


def test_odd_songs_are_learned_from(learned):
    run, _ = learned
    songs = set(pd.read_csv(run.artifact_dir / "split.csv").song)
    assert {Path(name).stem for name in ODD} <= songs


def test_the_page_names_the_song_that_is_heard(learned):
    """Not the damaged one in whose place it stands."""
    run, _ = learned
    files = {file.name for file in (run.artifact_dir / "listening").rglob("*.flac")}
    assert files
    assert not any("torn" in file for file in files)


@pytest.fixture
def answer(monkeypatch, capsys):
    """A function: a stage and its words → its one line."""

    def run(stage, *words):
        monkeypatch.setattr(sys, "argv", [stage.__name__, *words])
        with pytest.raises(SystemExit) as ended:
            stage.main()
        assert ended.value.code == 1
        lines = capsys.readouterr().err.splitlines()
        (line,) = [line for line in lines if line.startswith("error: ")]
        assert lines[-1] == line
        return line

    return run


@pytest.fixture
def train_words(places):
    return ["~local", "data=folder", "model=baseline_cnn", *places]


def test_names_that_look_like_numbers_stay_words(monkeypatch, command, train_words):
    given = []
    monkeypatch.setattr(train_stage, "train", lambda cfg, *more: given.append(cfg))
    command(train_stage, *train_words, "run_name=2024", "experiment_name=7")
    assert (given[0].run_name, given[0].experiment_name) == ("2024", "7")


def test_a_folder_that_is_not_there(answer, train_words):
    line = answer(train_stage, *train_words, "data.root=/no/such/folder")
    assert line == "error: data.root=/no/such/folder: no such folder"


def test_a_folder_without_songs(answer, train_words, tmp_path):
    (tmp_path / "notes.txt").write_text("none yet")
    line = answer(train_stage, *train_words, f"data.root={tmp_path}")
    assert re.match(rf"error: {tmp_path}: no audio files: put songs there \(", line)


def test_no_folder_at_all(answer, train_words, monkeypatch):
    monkeypatch.delenv("AI_MIXER_MUSIC", raising=False)
    assert "say data.root=/your/music" in answer(train_stage, *train_words)


def test_a_folder_of_bad_songs_only(answer, train_words, tmp_path):
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_text("no sound")
    line = answer(train_stage, *train_words, f"data.root={tmp_path}")
    assert "not one of its songs can be used: " in line
    assert f"{tmp_path}/one.wav: cannot be read as sound" in line


def test_songs_that_are_all_damaged_inside(answer, train_words, tmp_path):
    """Found in a loader's worker, whose traceback is not for the user; the run says so, too."""
    for number in range(6):
        path = tmp_path / "rock" / f"artist {number}" / "song.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, 0 * noise(), RATE)
    more = ["loader.excerpt_s=1", "experiment_name=silence", "loader.workers=1"]
    line = answer(train_stage, *train_words, f"data.root={tmp_path}", *more)
    assert re.match(r"error: 4 songs in a row cannot be used, the first: .*song\.wav: silent", line)
    mlruns = next(word.partition("=")[2] for word in train_words if "mlruns" in word)
    store = Store(mlruns)
    (run,) = store.client.search_runs([store.experiment("silence")])
    assert run.info.status == "FAILED"


def test_a_split_without_songs(answer, train_words, tmp_path):
    soundfile.write(tmp_path / "only.wav", noise(6.0), RATE)
    line = answer(train_stage, *train_words, f"data.root={tmp_path}")
    assert re.search(r"no songs in (train|val|test) \(songs per split: .*\): add songs", line)


STAGES = [evaluate, render, listen]


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_does_not_exist(stage, answer, at_home):
    assert "no run, folder or file 'ffff'" in answer(stage, "run=ffff")


@pytest.mark.parametrize("stage", STAGES)
def test_no_run_at_all(stage, answer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no run yet in" in answer(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_without_a_model(stage, answer, at_home):
    with Run.start(Store(at_home / "mlruns"), "empty") as run:
        pass
    assert f"run {run.id} holds no model.json" in answer(stage, f"run={run.id}")


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("evaluate.excerpts_per_song=0", "excerpts_per_song must be a number above 0, got 0"),
        ("render.seconds=-1", "render.seconds must be a number above 0, got -1"),
        pytest.param("trainer=gpu", "No supported gpu backend found", marks=without_gpu),
    ],
)
def test_what_would_fail_later_fails_before_a_run_is_opened(
    word, line, answer, train_words, bad_music, tmp_path
):
    words = [*train_words, f"data.root='{bad_music}'", f"paths.mlruns={tmp_path}/mlruns", word]
    assert line in answer(train_stage, *words)
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize("stage", [evaluate, render])
def test_a_split_that_is_none(stage, answer, at_home):
    assert "split 'valid' is none of train, val, test" in answer(stage, "split=valid")


@pytest.mark.parametrize("stage", [evaluate, render])
def test_data_without_that_split(stage, answer, at_home, tmp_path):
    soundfile.write(tmp_path / "only.wav", noise(11.0), RATE)
    line = answer(stage, "data=folder", f"data.root={tmp_path}", "split=test")
    assert re.search(r"no songs in test \(songs per split: \{'train': 1\}\): add songs", line)


def test_a_model_of_another_time(answer, copied):
    """A key in model.json that its class no longer takes."""
    card = copied / "model.json"
    card.write_text(card.read_text().replace('"channels"', '"chanels"'))
    line = answer(evaluate, f"run={copied}")
    assert re.search(r"BaselineCNN: unexpected keyword argument 'chanels'; it takes n_knobs", line)


def test_loss_scales_name_bad_songs_too(learned, bad_music, places, compose):
    words = ["data=folder", f"data.root='{bad_music}'", "model=baseline_cnn", "loader.excerpt_s=1"]
    parts = loss_scales.assemble(compose(*words, *places, "loader.excerpts_per_song=1"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss_scales.measure(parts, examples=100)
    assert any(re.search(r"song skipped: .*silent\.wav", str(one.message)) for one in caught)


@pytest.mark.slow
def test_two_trainings_at_once_from_nothing(words, tmp_path):
    """Both need the band and the database, and neither is there."""
    mine = [word for word in words if not word.startswith("paths.")]
    command = [sys.executable, "-m", "ai_mixer.cli.stages.train", *mine]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **options) for _ in range(2)]
    ended = [process.communicate() for process in both]
    for process, (out, err) in zip(both, ended, strict=True):
        assert process.returncode == 0, err
        assert "error" not in err
        assert "Traceback" not in err
        assert "listen:" in out
    store = Store(tmp_path / "mlruns")
    runs = store.client.search_runs([store.experiment("ai_mixer")])
    assert [run.info.status for run in runs] == ["FINISHED"] * 2
    numbers = [{k: v for k, v in r.data.metrics.items() if "system" not in k} for r in runs]
    assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)
    (band,) = (tmp_path / "data").rglob("manifest.csv")
    assert len([song for song in band.parent.iterdir() if song.is_dir()]) == 6
    assert not list((tmp_path / "data").rglob(".*"))
    assert OmegaConf.load(next((tmp_path / "mlruns").rglob("config.yaml")))
