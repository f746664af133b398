"""The default training learns: a learning rate that is too high shows after four epochs."""

import pytest

from ai_mixer.cli.pipeline import train

pytestmark = pytest.mark.slow  # synthesis of the band, then minutes of training


def test_skill_on_held_out_songs_is_positive(tmp_path, compose, store):
    overrides = [
        "model=ast_regressor",
        "loss=knobs_only",
        "callbacks.knob_plots=null",
        "evaluate=null",
        "render=null",
        f"paths.data='{tmp_path}'",
        f"paths.mlruns='{store.folder}'",
    ]
    run = train(compose(*overrides), compose(), overrides, {"data": "band"})
    metrics = store.client.get_run(run.id).data.metrics
    assert metrics["val/skill_paired"] > 0.5
    assert metrics["val/skill_reference"] > 0.1
    assert metrics["val/skill_blind"] > 0.05
