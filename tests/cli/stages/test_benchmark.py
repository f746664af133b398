import json

import pytest

from ai_mixer.evaluation.bench.benchmark import benchmark, memory
from ai_mixer.training.builders import build_components


@pytest.mark.slow
def test_every_workload_has_a_row(compose, songs_folder):
    overrides = [
        "data=folder",
        f"data.root={songs_folder}",
        "model=baseline_cnn",
        "loader.batch_size=2",
    ]
    cfg = compose(*overrides, "loader.excerpt_s=0.5", page="benchmark")
    assert cfg.loader.workers == 0
    parts = build_components(cfg)
    table = benchmark(parts, 0.2, batches=[1], threads=[1], rounds=1)
    names = {name for name, _, _ in table.index}
    assert set(parts.console.effects) <= names
    assert {"chain", "losses together", "loader", "training step"} <= names
    both = table.drop("loader", level="work").drop("training step", level="work")
    assert (both[["f ms", "f+b ms", "f cpu ms"]] > 0).all().all()


@pytest.mark.slow
def test_memory_grows_with_the_length_of_the_audio(compose, songs_folder):
    cfg = compose("data=folder", f"data.root={songs_folder}", "model=mean_knobs", page="benchmark")
    table = memory(build_components(cfg), 2.0)
    assert list(table.index) == [2.0, 4.0, 8.0]
    backward = table["forward + backward MiB"].dropna()
    assert backward.is_monotonic_increasing


@pytest.mark.slow
def test_stage_prints_tables_and_writes_json(command, songs_folder, tmp_path, monkeypatch):
    from ai_mixer.cli.stages import benchmark as stage

    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bench.json"
    overrides = [
        "data=folder",
        f"data.root={songs_folder}",
        "model=baseline_cnn",
        "loader.batch_size=2",
    ]
    small = ["loader.excerpt_s=0.5", "measure.seconds=0.1", "measure.batches=[1]"]
    few = ["measure.threads=[1]", "measure.rounds=1", "measure.realtime_blocks=120"]
    few += ["measure.workers=0", "measure.loader_batches=2", "measure.steps=1"]
    few += [f"measure.json={path}"]
    printed = command(stage, *overrides, *small, *few)
    assert "| chain | 1 | 1 |" in printed
    written = json.loads(path.read_text())
    assert written["memory_mib"]
    assert written["live"][0]["clock p99.9 %"] > 0
    assert all(row["stereo s per s"] > 0 for row in written["loader"])
    assert 0 < written["waiting"][0]["wait %"] < 100
