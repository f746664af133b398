"""From words to a plan: what is trained, what is searched, and where the default lies in it."""

import pytest

from ai_mixer.config.overrides import merge_overrides
from ai_mixer.tuning.best_config import experiment_config, same_training
from ai_mixer.tuning.objective import compose
from ai_mixer.tuning.resume import resume_command
from ai_mixer.tuning.search_space import SearchSpace, format_distribution, to_overrides
from ai_mixer.tuning.sweep_request import parse_sweep_request, with_vary_override


@pytest.fixture(scope="module")
def drafted(compose):
    def made(*overrides):
        overrides = with_vary_override(overrides)
        return parse_sweep_request(compose(*overrides, page="sweep"), overrides)

    return made


def spaces(study_config):
    return {
        key: format_distribution(v)
        for key, v in SearchSpace.from_json(study_config.space).keys.items()
    }


def test_the_seeds_space_is_widened_by_the_default_and_lacks_what_the_model_lacks(drafted):
    asked = drafted("model=ast_regressor", "trials=7", "paths.data=/somewhere", "cv=5")
    assert asked.study_config.training_overrides == ["model=ast_regressor"]
    assert asked.path_overrides == ["paths.data=/somewhere"]
    assert asked.study_config.cv == 5
    assert spaces(asked.study_config) == {
        "optimizer": "choice(adam, adamw, rmsprop)",
        "optimizer.lr": "tag(log, interval(1e-05, 0.001))",
        "loader.batch_size": "choice(16, 32, 64)",
        "model.dropout": "choice(0.2, 0.3, 0.5, 0.1)",
    }
    left_out, *widened = asked.notes
    assert left_out.endswith("model=ast_regressor loss=balanced: model.blocks, model.features")
    assert [note.partition("=")[0] for note in widened] == ["model.dropout"]


@pytest.mark.parametrize(
    "typed",
    [
        ["model=enhanced_cnn"],
        pytest.param(["search=loss_weights"], marks=pytest.mark.slow),
        pytest.param(["search=augment", "data=folder", "data.root=/m"], marks=pytest.mark.slow),
        ["search=none", "loss/term=choice([knobs],[knobs,perceptual,balance,dynamics])"],
        pytest.param(["search=architecture", "model.heads=2,4"], marks=pytest.mark.slow),
    ],
)
def test_trial_0_is_the_default(drafted, overrides):
    """To the last value: its words change nothing."""
    asked = drafted(*overrides)
    plain = compose(asked.study_config.training_overrides).cfg
    assert same_training(
        compose([*asked.study_config.training_overrides, *to_overrides(asked.first)]).cfg, plain
    )
    assert not same_training(compose([*asked.study_config.training_overrides, "seed=1"]).cfg, plain)


def test_several_values_on_the_command_line_are_searched(drafted):
    asked = drafted("search=none", "model.dropout=0.1,0.3", "optimizer.lr=interval(1e-4, 1e-2)")
    assert asked.study_config.training_overrides == []
    assert spaces(asked.study_config) == {
        "model.dropout": "choice(0.1, 0.3)",
        "optimizer.lr": "interval(0.0001, 0.01)",
    }


def test_a_default_that_no_sampler_can_propose_is_said(drafted):
    asked = drafted("search=none", "loss/term=choice([knobs],[knobs,balance])")
    assert asked.first == {"loss/term": "[knobs]"}
    assert asked.notes == ["trial 0 takes loss/term=[knobs]: the default is no point of the space"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["search=none"], "nothing to search in"),
        (["maximize=[]"], "no objective"),
        (["search=none", "model.dropout=range(3,1)"], "model.dropout=range"),
    ],
)
def test_what_is_no_plan_is_one_line(drafted, overrides, message):
    with pytest.raises(ValueError, match=message):
        drafted(*overrides)


def test_a_word_said_twice_is_no_other_study_to_its_second_worker(drafted):
    """The worker is given the study's words merged, and was refused where it had one word less."""
    overrides = ["trainer.max_epochs=3", "model=ast_regressor", "trainer.max_epochs=10"]
    joined = merge_overrides(overrides)
    assert (
        drafted(*overrides).study_config.training_overrides
        == drafted(*joined).study_config.training_overrides
    )
    assert drafted(*overrides).study_config.training_overrides == [
        "trainer.max_epochs=10",
        "model=ast_regressor",
    ]


def test_what_to_type_to_go_on_says_where_the_study_lies():
    overrides = ["storage=grpc://host:13000", "trials=5", "paths.mlruns=/my runs", "resume=mine"]
    assert resume_command("mine", overrides, "trials=9") == (
        "make sweep resume=mine storage=grpc://host:13000 'paths.mlruns=/my runs' trials=9"
    )
    assert resume_command("mine", ["trials=5"]) == "make sweep resume=mine"


@pytest.mark.parametrize(
    "typed",
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
def test_a_page_composes_what_the_words_compose(overrides, tmp_path):
    import hydra

    from ai_mixer.config.folder import config_folder

    page = experiment_config("best", overrides, ["Trial 3."])
    assert page.startswith("# @package _global_\n# Trial 3.\n")
    (tmp_path / "experiment" / "sweep").mkdir(parents=True)
    (tmp_path / "experiment" / "sweep" / "best.yaml").write_text(page)
    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        again = hydra.compose("stage/train", [search, "experiment=sweep/best"])
    assert again.run_name == "best"
    assert same_training(again, compose(overrides).cfg)


def test_a_page_says_nothing_of_where_the_music_is():
    overrides = ["data=folder", "data.root=/my music", "data.manifest=/my music/songs.csv"]
    assert "my music" not in experiment_config("best", overrides, [])
    with pytest.raises(ValueError, match=r"model\.weights=/my music/x\.pt is a path"):
        experiment_config("best", ["+model.weights=/my music/x.pt"], [])


def test_what_a_page_cannot_say():
    with pytest.raises(ValueError, match=r"callbacks\.figures was taken away"):
        experiment_config("best", ["~callbacks.knob_plots"], [])
