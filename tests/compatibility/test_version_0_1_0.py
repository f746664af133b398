"""Runs, studies, models and presets of version 0.1.0 work as they did before the renaming.

The files below `data/` were written by version 0.1.0 (commit f2872e9): two finished trainings of
two epochs and a study of one trial on the six songs of `songs_folder`, and what the same version
made of them next (the weights after a third epoch; knobs and samples of the pretrained models).
"""

import importlib.util
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
from safetensors.torch import load_file

from ai_mixer import load_model
from ai_mixer.cli.stages import evaluate, sweep, train
from ai_mixer.config.argument_validation import check_arguments
from ai_mixer.config.compose import compose
from ai_mixer.config.renamed import translate_overrides
from ai_mixer.core.types import CONDITIONS
from ai_mixer.inference import pretrained
from ai_mixer.mixing.preset import load_preset
from ai_mixer.tracking import Store
from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris
from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import load_study

DATA = Path(__file__).parent / "data"
RATE = 44_100
MODELS = ("ast_regressor", "baseline_cnn", "enhanced_cnn", "weighted_ensemble")
STAGES = (
    *("benchmark", "compare", "data", "doctor", "ensemble", "evaluate", "features", "gc"),
    *("leaderboard", "listen", "loss_scales", "package", "relocate", "render", "report"),
    *("services", "sweep", "sweep_ui", "train", "ui"),
)
RESUMED = json.loads((DATA / "resumed_0_1_0.json").read_text(encoding="utf-8"))


def extract(archive, folder):
    with tarfile.open(DATA / archive) as tar:
        tar.extractall(folder, filter="data")


@pytest.fixture
def home(tmp_path, songs_folder, monkeypatch):
    """A folder with `mlruns`, `songs` and `pages` (the config that the study wrote)."""
    extract("runs_0_1_0.tar.xz", tmp_path)
    (tmp_path / "songs").symlink_to(songs_folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    rewrite_artifact_uris(Store("mlruns"))
    return tmp_path


@pytest.fixture
def run_stage(monkeypatch, capsys):
    """A function: run the `main` of a stage with these overrides; returns stdout and stderr."""

    def run(stage, *overrides):
        monkeypatch.setattr(sys, "argv", [stage.__name__, *overrides])
        stage.main()
        return capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """The folder of the pretrained models with the `model.json` of then."""
    folder = tmp_path_factory.mktemp("models")
    extract("cards_0_1_0.tar.xz", folder)
    for name in MODELS:
        weights = pretrained.model_folder(name) / "model.safetensors"
        (folder / "cards" / name / weights.name).symlink_to(weights)
    return folder / "cards"


def six_seconds(number):
    """[1, 2, T]: a chord, a hit twice a second and noise, as the songs of `songs_folder`."""
    rng = np.random.default_rng(number)
    time = np.arange(6 * RATE) / RATE
    chord = [np.sin(2 * np.pi * 110 * 2 ** (note / 12) * time) for note in rng.choice(36, 4)]
    hits = rng.standard_normal(time.shape) * np.exp(-(time % 0.5) / 0.05)
    hiss = 0.05 * rng.standard_normal((2, *time.shape))
    pan = 0.5 + 0.3 * np.sin(2 * np.pi * 0.5 * time + number)
    sides = np.stack([pan, 1 - pan]) * sum(chord) / 4 + 0.5 * hits + hiss
    return torch.from_numpy(0.7 * sides / np.abs(sides).max()).float()[None]


@pytest.mark.parametrize("name", MODELS)
def test_pretrained_models_give_the_same_knobs_and_samples(name, cards):
    """The cards of then with the weights; knobs to 1e-5 of their travel, samples to −100 dB."""
    expected = np.load(DATA / "pretrained_0_1_0.npz")
    song = six_seconds(0)
    given = {
        "blind": {},
        "reference": {"reference": six_seconds(1)},
        "paired": {"finished": 0.5 * song},
    }
    predictor = load_model(cards / name)
    for condition in CONDITIONS:
        knobs = predictor.predict(song, RATE, **given[condition])
        then = torch.from_numpy(expected[f"{name}.{condition}.knobs"])
        torch.testing.assert_close(knobs[0], then, atol=1e-5, rtol=0)
        mix = predictor.console(song, RATE, then[None])[0, :, RATE : RATE + 1024]
        samples = torch.from_numpy(expected[f"{name}.{condition}.mix"])[:, :1024]
        torch.testing.assert_close(mix, samples, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "kept"])
def test_a_run_is_resumed_to_the_same_weights(name, home, run_stage):
    """Two epochs by version 0.1.0, the third by this one: the weights of three epochs by 0.1.0."""
    run = RESUMED[name]["run"]
    run_stage(
        train, f"ckpt_path={run}", "trainer.max_epochs=3", "evaluate=null", "paths.mlruns=mlruns"
    )
    folder = home / "mlruns" / "artifacts" / "ai_mixer" / run / "artifacts"
    weights = load_file(folder / "model.safetensors")
    for key, (total, energy) in RESUMED[name]["weights_after_epoch_3"].items():
        found = weights[key].double()
        assert float(found.sum()) == pytest.approx(total, rel=1e-4, abs=1e-4), key
        assert float(found.pow(2).sum()) == pytest.approx(energy, rel=1e-4), key
    overrides = json.loads((folder / "overrides.json").read_text(encoding="utf-8"))
    assert overrides == translate_overrides("train", overrides)


@pytest.mark.slow
def test_an_old_run_is_evaluated(home, run_stage):
    run = RESUMED["kept"]["run"]
    words = ("examples=20", "excerpts_per_song=1", "speed=false", "systems=[rough]")
    out = run_stage(evaluate, f"run={run}", "paths.mlruns=mlruns", *words).out
    assert "knob skill" in out.lower()


@pytest.mark.slow
def test_a_study_is_resumed_with_its_overrides(home, run_stage, monkeypatch):
    """One trial by version 0.1.0, the second by this one."""
    run_stage(sweep, "resume=old", "trials=2", "paths.mlruns=mlruns", "paths.data=data")
    storage = open_storage("journal", "old", "mlruns", "data")
    study, config = load_study(storage, "old")
    states = [trial.state for trial in study.trials]
    assert states == [optuna.trial.TrialState.COMPLETE] * 2
    assert "loader=cached" in config.training_overrides
    assert "loader.examples_per_song=3" in config.training_overrides


def test_the_config_that_a_study_wrote_composes(home, log):
    """Its page selects `loader: kept` and sets `loader.draws`."""
    folder = home / "configs" / "experiment" / "sweep"
    folder.mkdir(parents=True)
    (home / "pages" / "old.yaml").rename(folder / "old.yaml")
    search = f"hydra.searchpath=[file://{home / 'configs'}]"
    cfg = compose("train", [search, "experiment=sweep/old", "data.root=songs"])
    assert cfg.loader._target_ == compose("train", ["loader=cached"]).loader._target_
    assert cfg.loader.examples_per_song == 3
    assert "draws" not in cfg.loader
    assert "loader.draws" in log.text
    typed = compose("train", [search, "experiment=sweep/old", "loader.examples_per_song=8"])
    assert typed.loader.examples_per_song == 8  # an override wins over a config file
    check_arguments(cfg, cfg)


@pytest.mark.parametrize("stage", STAGES)
def test_published_module_names_of_stages_are_found(stage):
    """`python -m ai_mixer.stages.train` runs the file of `ai_mixer.cli.stages.train`."""
    spec = importlib.util.find_spec(f"ai_mixer.stages.{stage}")
    assert Path(spec.origin).parent == Path(train.__file__).parent


def test_a_preset_is_read():
    preset = load_preset(DATA / "preset_0_1_0.json")
    assert [section.start_s for section in preset.sections] == [0.0, 2.0]
    assert preset.settings["high_eq"] == 1.5
    assert preset.target_lufs == "streaming"


@pytest.mark.slow
def test_old_keys_on_the_command_line_are_translated_with_one_line_each(run_stage, home):
    (run, mlruns) = (f"run={RESUMED['plain']['run']}", "paths.mlruns=mlruns")
    words = ("examples=20", "excerpts_per_song=1", "speed=false", "systems=[rough]")
    printed = run_stage(evaluate, run, mlruns, "trusted=[]", *words)
    assert "warning: trusted=[] is now allow_targets=[]" in printed.err.splitlines()


@pytest.mark.parametrize(
    ("stage", "old", "new"),
    [
        ("train", "ckpt=last", "ckpt_path=last"),
        ("train", "weights_of=1a2b", "init_from=1a2b"),
        (
            "train",
            "weights_of=src/ai_mixer/packaged/ast_regressor",
            "init_from=src/ai_mixer/inference/pretrained/ast_regressor",
        ),
        ("train", "loader=kept", "loader=cached"),
        ("train", "+loader.draws=8", "+loader.examples_per_song=8"),
        ("train", "callbacks.figures.every=0", "callbacks.knob_plots.every_n_epochs=0"),
        ("train", "~callbacks.figures", "~callbacks.knob_plots"),
        ("train", "system.audio_items=2", "system.rendered_items=2"),
        ("sweep", "join=mine", "attach_to=mine"),
        ("sweep", "beat_s=5", "heartbeat_interval_s=5"),
        (
            "sweep",
            'vary=["system.audio_gradient=0.1,0.2","loader=kept"]',
            'search_overrides=["system.audio_gradient_clip_norm=0.1,0.2","loader=cached"]',
        ),
        ("ensemble", "weights_of=3c4d", "ensemble_weights_from=3c4d"),
        ("gc", "go=1", "confirm=1"),
        ("train", "model.dropout=0.1", "model.dropout=0.1"),
    ],
)
def test_stored_overrides_are_translated(stage, old, new):
    assert translate_overrides(stage, [old]) == [new]
    assert translate_overrides(stage, [new]) == [new]
