"""`init_from=`: a training starts from the weights of another run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ai_mixer.cli.pipeline import train
from ai_mixer.inference.predictor import load_model
from ai_mixer.inference.seen_songs import load_seen_songs
from ai_mixer.tracking import Store, load_model_files
from ai_mixer.training import finetune
from ai_mixer.training.builders import build_components
from ai_mixer.training.dataset_manifest import seen_songs
from ai_mixer.training.finetune import load_initial_weights


@pytest.fixture
def other(compose, small_overrides):
    """Factory: config and components of the same training with another seed."""

    def make(*overrides):
        cfg = compose(*small_overrides, "seed=5", *overrides)
        parts = build_components(cfg)
        return cfg, parts

    return make


def test_initial_weights_are_loaded(trained, other):
    cfg, parts = other()
    learned, _ = load_model_files(trained.folder)
    weights = parts.system.model.state_dict()
    assert any(not torch.equal(weights[name], weight) for name, weight in learned.items())
    load_initial_weights(cfg, str(trained.folder), parts)
    weights = parts.system.model.state_dict()
    assert weights.keys() == learned.keys()
    assert all(torch.equal(weights[name], weight) for name, weight in learned.items())


@pytest.mark.slow
def test_training_with_learning_rate_near_0_keeps_the_weights(
    trained, small_overrides, compose, tmp_path
):
    overrides = [f"init_from='{trained.folder}'", f"paths.mlruns={tmp_path}", "optimizer.lr=1e-12"]
    cfg = compose(
        *small_overrides,
        "seed=5",
        "trainer.max_epochs=1",
        "evaluate=null",
        "render=null",
        "callbacks.knob_plots.every_n_epochs=0",
        *overrides,
    )
    run = train(cfg, compose(), [*small_overrides, *overrides], {})
    learned, _ = load_model_files(trained.folder)
    final, _ = load_model_files(run.artifact_dir)
    for name, _ in load_model(trained.folder).model.named_parameters():
        torch.testing.assert_close(final[name], learned[name], atol=1e-6, rtol=0)
    assert Store(tmp_path).client.get_run(run.id).data.params["init_from"] == str(trained.folder)


def test_weights_of_another_model_raise(trained, other):
    cfg, parts = other("model.channels=16")
    with pytest.raises(ValueError, match=r"init_from=.* another model"):
        load_initial_weights(cfg, str(trained.folder), parts)


def test_weights_for_other_knobs_raise(trained, other):
    cfg, parts = other()
    parts.console.knobs.reverse()
    with pytest.raises(ValueError, match=r"other knobs.*input_gain"):
        load_initial_weights(cfg, str(trained.folder), parts)


def test_held_out_songs_among_its_training_songs_raise(trained, other):
    cfg, parts = other()
    song = parts.data.songs("train")[0]
    held_out = replace(song, id="another name", split="test")
    parts.data._songs = [held_out if one == song else one for one in parts.data._songs]
    with pytest.raises(ValueError, match=r"1 songs.*\(another name\)"):
        load_initial_weights(cfg, str(trained.folder), parts)


def test_each_fold_starts_from_the_weights_of_its_fold(trained, other, monkeypatch):
    cfg, parts = other()
    cfg.data.fold = "1/3"
    monkeypatch.setattr(
        finetune, "fold_model_folders", lambda *_: {"0/3": None, "1/3": trained.folder}
    )
    load_initial_weights(cfg, "1a2b", parts)
    cfg.data.fold = "2/3"
    with pytest.raises(ValueError, match=r"0/3, 1/3.*2/3"):
        load_initial_weights(cfg, "1a2b", parts)


def test_model_without_split_file_warns(trained, copied, other, log):
    cfg, parts = other()
    load_initial_weights(cfg, str(copied), parts)
    assert "the songs that it was trained on are unknown" in log.text


@pytest.mark.slow
def test_songs_of_the_initial_model_count_as_seen(trained, other):
    cfg, parts = other("data.fold=1/3", "data.source.seed=1")  # other songs
    own = seen_songs(parts)
    seen = seen_songs(parts, load_initial_weights(cfg, str(trained.folder), parts))
    before = load_seen_songs(trained.folder, parts.data.metadata_cache)
    digests = np.union1d(own.learned_from.digests, before.learned_from.digests)
    assert np.array_equal(seen.learned_from.digests, digests)
    assert len(digests) == 8
    assert np.array_equal(seen.test.digests, own.test.digests)
