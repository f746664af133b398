"""The default training learns: a rate too fast for what is heard shows after four epochs."""

import pytest

from ai_mixer.cli.pipeline import train

pytestmark = pytest.mark.slow  # the band is composed, then minutes of training


def test_knobs_of_songs_it_never_heard_are_nearer_than_the_mean(tmp_path, compose, store):
    words = [
        "model=ast_regressor",
        "loss=knobs_only",
        "callbacks.knob_plots=null",
        "evaluate=null",
        "render=null",
        f"paths.data='{tmp_path}'",
        f"paths.mlruns='{store.folder}'",
    ]
    run = train(compose(*words), compose(), words, {"data": "band"})
    metrics = store.client.get_run(run.id).data.metrics
    assert metrics["val/skill_paired"] > 0.5
    assert metrics["val/skill_reference"] > 0.1
    assert metrics["val/skill_blind"] > 0.05
