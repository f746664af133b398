"""init_from=…: a training begins with what another one learned, and is judged on new songs."""

import pytest
import torch

from ai_mixer.cli.pipeline import train
from ai_mixer.inference.predictor import load_model
from ai_mixer.tracking import Store, load_model_files
from ai_mixer.training import finetune
from ai_mixer.training.builders import build_components
from ai_mixer.training.dataset_manifest import song_table
from ai_mixer.training.finetune import load_initial_weights
from ai_mixer.utils.log import configure_logging


@pytest.fixture
def other(compose, words):
    """A function: config, parts and songs of a training like the first one, of another seed."""

    def make(*more):
        cfg = compose(*words, "seed=5", *more)
        parts = build_components(cfg)
        return cfg, parts, song_table(parts)

    return make


def test_it_begins_with_those_weights(trained, other):
    cfg, parts, songs = other()
    learned, _ = load_model_files(trained.folder)
    mine = parts.system.model.state_dict()
    assert any(not torch.equal(mine[name], weight) for name, weight in learned.items())
    load_initial_weights(cfg, str(trained.folder), parts, songs)
    mine = parts.system.model.state_dict()
    assert mine.keys() == learned.keys()
    assert all(torch.equal(mine[name], weight) for name, weight in learned.items())


def test_a_training_that_stands_still_keeps_them(trained, words, compose, tmp_path):
    more = [f"init_from='{trained.folder}'", f"paths.mlruns={tmp_path}", "optimizer.lr=1e-12"]
    cfg = compose(*words, "seed=5", "trainer.max_epochs=1", "evaluate=null", "render=null", *more)
    run = train(cfg, compose(), [*words, *more], {})
    learned, _ = load_model_files(trained.folder)
    kept, _ = load_model_files(run.artifact_dir)
    for name, _ in load_model(trained.folder).model.named_parameters():
        torch.testing.assert_close(kept[name], learned[name], atol=1e-6, rtol=0)
    assert Store(tmp_path).client.get_run(run.id).data.params["init_from"] == str(trained.folder)


def test_another_model_is_refused(trained, other):
    cfg, parts, songs = other("model.channels=16")
    with pytest.raises(ValueError, match=r"init_from=.* another model \(.*model="):
        load_initial_weights(cfg, str(trained.folder), parts, songs)


def test_other_knobs_are_refused(trained, other):
    cfg, parts, songs = other()
    parts.console.knobs.reverse()
    with pytest.raises(ValueError, match="sets other knobs: input_gain"):
        load_initial_weights(cfg, str(trained.folder), parts, songs)


def test_songs_it_learned_from_are_not_held_out(trained, other):
    cfg, parts, songs = other()
    place = songs.index[songs["split"] == "train"][0]
    songs.loc[place, ["split", "song"]] = ["test", "called otherwise"]
    with pytest.raises(ValueError, match=r"1 songs that are held out here \(called otherwise\)"):
        load_initial_weights(cfg, str(trained.folder), parts, songs)


def test_of_a_cross_validation_each_fold_begins_with_its_own(trained, other, monkeypatch):
    cfg, parts, songs = other()
    cfg.data.fold = "1/3"
    monkeypatch.setattr(
        finetune, "fold_model_folders", lambda *_: {"0/3": None, "1/3": trained.folder}
    )
    load_initial_weights(cfg, "1a2b", parts, songs)
    cfg.data.fold = "2/3"
    with pytest.raises(ValueError, match=r"of the folds 0/3, 1/3: .* \(got 2/3\)"):
        load_initial_weights(cfg, "1a2b", parts, songs)


def test_a_packaged_model_does_not_say_its_songs(trained, copied, other, capsys):
    cfg, parts, songs = other()
    configure_logging()
    load_initial_weights(cfg, str(copied), parts, songs)
    assert "split.csv" in capsys.readouterr().err
