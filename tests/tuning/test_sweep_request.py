"""Parsing of a sweep's command line, and the config file of the best trial."""

import pytest

from ai_mixer.config.overrides import merge_overrides, with_search_overrides
from ai_mixer.tuning.best_config import experiment_config, same_training
from ai_mixer.tuning.objective import compose
from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.search_space import SearchSpace, format_distribution, to_overrides
from ai_mixer.tuning.sweep_request import parse_sweep_request


@pytest.fixture(scope="module")
def parse(compose):
    """Factory: overrides → the parsed sweep request."""

    def parsed(*overrides):
        overrides = with_search_overrides(overrides)
        return parse_sweep_request(compose(*overrides, page="sweep"), overrides)

    return parsed


def formatted_space(study_config):
    return {
        key: format_distribution(distribution)
        for key, distribution in SearchSpace.from_json(study_config.space).distributions.items()
    }


def test_default_space_includes_the_default_and_omits_missing_keys(parse):
    request = parse("model=ast_regressor", "trials=7", "paths.data=/somewhere", "cv=5")
    assert request.study_config.training_overrides == ["model=ast_regressor"]
    assert request.path_overrides == ["paths.data=/somewhere"]
    assert request.study_config.cv == 5
    assert formatted_space(request.study_config) == {
        "optimizer": "choice(adam, adamw, rmsprop)",
        "optimizer.lr": "tag(log, interval(1e-05, 0.001))",
        "loader.batch_size": "choice(16, 32, 64)",
        "model.dropout": "choice(0.2, 0.3, 0.5, 0.1)",
    }
    missing, *widened = request.notes
    assert missing.endswith("model.blocks, model.features")
    assert [note.partition("=")[0] for note in widened] == ["model.dropout"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=enhanced_cnn"],
        pytest.param(["search=loss_weights"], marks=pytest.mark.slow),
        pytest.param(["search=augment", "data=folder", "data.root=/m"], marks=pytest.mark.slow),
        ["search=none", "loss/term=choice([knobs],[knobs,perceptual,balance,dynamics])"],
        pytest.param(["search=architecture", "model.heads=2,4"], marks=pytest.mark.slow),
    ],
)
def test_trial_0_composes_the_default_config(parse, overrides):
    request = parse(*overrides)
    training_overrides = request.study_config.training_overrides
    default = compose(training_overrides).cfg
    trial_0 = compose([*training_overrides, *to_overrides(request.default_point)]).cfg
    assert same_training(trial_0, default)
    assert not same_training(compose([*training_overrides, "seed=1"]).cfg, default)


def test_overrides_with_several_values_are_searched(parse):
    request = parse("search=none", "model.dropout=0.1,0.3", "optimizer.lr=interval(1e-4, 1e-2)")
    assert request.study_config.training_overrides == []
    assert formatted_space(request.study_config) == {
        "model.dropout": "choice(0.1, 0.3)",
        "optimizer.lr": "interval(0.0001, 0.01)",
    }


def test_default_outside_of_a_space_of_groups_is_noted(parse):
    request = parse("search=none", "loss/term=choice([knobs],[knobs,balance])")
    assert request.default_point == {"loss/term": "[knobs]"}
    (note,) = request.notes
    assert "loss/term=[knobs]" in note


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["search=none"], "nothing to search in"),
        (["maximize=[]"], "no objective"),
        (["search=none", "model.dropout=range(3,1)"], "model.dropout=range"),
    ],
)
def test_invalid_request_raises(parse, overrides, message):
    with pytest.raises(ValueError, match=message):
        parse(*overrides)


@pytest.mark.slow
def test_repeated_overrides_are_merged(parse):
    """A worker gets the merged overrides of the study, and must parse the same study config."""
    overrides = ["trainer.max_epochs=3", "model=ast_regressor", "trainer.max_epochs=10"]
    merged = merge_overrides(overrides)
    assert (
        parse(*overrides).study_config.training_overrides
        == parse(*merged).study_config.training_overrides
        == ["trainer.max_epochs=10", "model=ast_regressor"]
    )


def test_resume_command_has_the_location_of_the_study():
    overrides = ["storage=grpc://host:13000", "trials=5", "paths.mlruns=/my runs", "resume=mine"]
    assert resume_command("mine", overrides, "trials=9") == (
        "make sweep resume=mine storage=grpc://host:13000 'paths.mlruns=/my runs' trials=9"
    )
    assert resume_command("mine", ["trials=5"]) == "make sweep resume=mine"


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(
            ["model=enhanced_cnn", "optimizer=rmsprop", "optimizer.lr=3.0000000000000004e-05"],
            marks=pytest.mark.slow,
        ),
        ["experiment=band_ast", "loss/term=[knobs,waveform]", "+trainer.accumulate_grad_batches=2"],
        pytest.param(["debug=fast", "callbacks.knob_plots=null"], marks=pytest.mark.slow),
        pytest.param(
            ["data=folder", "data.root=/my music", "run_name=mine", "experiment_name=other"],
            marks=pytest.mark.slow,
        ),
        pytest.param(["loss=knobs_only", "ranges=musical"], marks=pytest.mark.slow),
    ],
)
def test_experiment_config_composes_the_same_training(overrides, tmp_path):
    import hydra

    from ai_mixer.config.folder import config_folder

    text = experiment_config("best", overrides, ["Trial 3."])
    assert text.startswith("# @package _global_\n# Trial 3.\n")
    (tmp_path / "experiment" / "sweep").mkdir(parents=True)
    (tmp_path / "experiment" / "sweep" / "best.yaml").write_text(text)
    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        composed = hydra.compose("stage/train", [search, "experiment=sweep/best"])
    assert composed.run_name == "best"
    assert same_training(composed, compose(overrides).cfg)


def test_experiment_config_has_no_paths():
    overrides = ["data=folder", "data.root=/my music", "data.manifest=/my music/songs.csv"]
    assert "my music" not in experiment_config("best", overrides, [])
    with pytest.raises(ValueError, match=r"model\.weights=/my music/x\.pt is a path"):
        experiment_config("best", ["+model.weights=/my music/x.pt"], [])


def test_experiment_config_cannot_delete_keys():
    with pytest.raises(ValueError, match=r"callbacks\.knob_plots"):
        experiment_config("best", ["~callbacks.knob_plots"], [])


def test_quiet_is_no_part_of_a_study(parse):
    overrides = ["trainer.max_epochs=3"]
    request = parse(*overrides, "search=default", "quiet=true")
    assert request.study_config.training_overrides == overrides


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=0,1,2", r"^seed: .*make train seeds=3"),
        ("loader.seed=0,1", r"^loader\.seed: .*make train seeds=3"),
        ("data=band,band_small", "^data: trials on different songs"),
        ("data.source.songs=20,40", r"^data\.source\.songs: trials on different songs"),
    ],
)
def test_search_of_repeats_or_of_songs_is_refused(parse, override, message):
    with pytest.raises(ValueError, match=message):
        parse("search=none", override)


def test_sweep_with_seeds_is_refused(parse):
    with pytest.raises(ValueError, match=r"seeds=3: a trial is one training"):
        parse("search=none", "optimizer.lr=1e-3,1e-4", "seeds=3")
