"""A run of several tracks from start to end: training, resuming, tables, pages, sweep."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from ai_mixer.app.run_songs import listening_songs
from ai_mixer.cli.stages import compare, evaluate, render, sweep
from ai_mixer.core.roles import role_from_name
from ai_mixer.core.track import ROLES
from ai_mixer.tracking.run import artifact_folder
from helpers.measures import residual_db
from helpers.tracks import write_songs

SMALL = [
    *("task=remix", "data=tracks", "model.width=16", "model.layers=1", "loader.workers=0"),
    *("loader.excerpt_s=0.5", "loader.batch_size=2", "loader.examples_per_song=1"),
    *("loader.held_out_per_song=3", "evaluate.excerpts_per_song=1", "+evaluate.examples=4"),
    *("render.songs=1", "render.seconds=1", "trainer.max_epochs=1"),
]


def folders_of(home):
    return [f"paths.{name}={home / name}" for name in ("data", "outputs")]


@pytest.mark.slow
def test_a_run_of_several_tracks_from_start_to_end(tmp_path, training, command):
    root = write_songs(tmp_path / "music", seconds=1.5)
    folders = folders_of(tmp_path)
    store = f"paths.mlruns={training.store.folder}"
    training.overrides = [*SMALL, f"data.root={root}", *folders, store]
    code, stderr = training.start().end()
    assert code == 0, stderr
    assert len(training.points("val/skill")) == 1
    assert (training.folder / "eval" / "tables.md").is_file()
    assert (training.folder / "listening" / "index.html").is_file()
    for song in listening_songs(training.folder / "listening", "run=last"):
        audio = [soundfile.read(file, always_2d=True)[0] for file in song.tracks]
        assert len(audio) > 1
        assert all(role_from_name(file.stem) in {*ROLES, None} for file in song.tracks)
        rough = soundfile.read(song.rough)[0]
        assert residual_db(sum(audio) + np.zeros_like(rough), rough) < -90
    assert {"test_skill_blind", "test_balance_error_db_paired"} <= set(training.run.data.metrics)
    code, stderr = training.resume("trainer.max_epochs=2").end()
    assert code == 0, stderr
    assert len(training.points("val/skill")) == 2

    options = ["run=last", store, *folders]
    page = tmp_path / "page"
    text = command(evaluate, *options, "excerpts_per_song=1", "examples=4")
    assert "Balance error by role" in text
    records = pd.read_csv(training.folder / "eval" / "tracks-test" / "records.csv")
    assert set(records["system"]) >= {"equal_loudness", "mean_knobs", "ridge", "model"}
    command(evaluate, *options, "excerpts_per_song=1", "systems=[random]")
    records = pd.read_csv(training.folder / "eval" / "tracks-test" / "records.csv")
    assert set(records["system"]) == {"random", "equal_loudness", "mean_knobs", "model"}
    command(render, *options, "songs=1", "seconds=1", f"out={page}")
    assert (page / "index.html").is_file()

    trained_on = [*training.overrides[: len(SMALL) + 3], f"paths.mlruns={training.store.folder}"]
    command(sweep, *trained_on, "model.dropout=0.1,0.3", "search=none", "trials=2")
    runs = training.store.client.search_runs(
        [one.experiment_id for one in training.store.client.search_experiments()]
    )
    artifacts = [artifact_folder(one.info.artifact_uri) for one in runs]
    others = [folder for folder in artifacts if (folder / "model.json").is_file()]
    assert len(others) >= 2
    both = f"runs={others[0]},{others[1]}"
    out = tmp_path / "compared"
    known = ["split=train", "allow_seen=true", "songs=2", "seconds=1", f"out={out}"]
    text = command(compare, both, store, *folders, *known, "excerpts_per_song=1")
    assert "A − B" in text
    records = pd.read_csv(out / "records.csv")
    assert set(records["system"]) == {"rough", "mean_knobs", "A", "B"}
    assert (out / "index.html").is_file()
