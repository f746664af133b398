"""Studies: creation and loading, checks on resume, samplers and pruners."""

from dataclasses import replace

import optuna
import pytest

from ai_mixer.tuning.search_space import SearchSpace
from ai_mixer.tuning.storage import open_storage
from ai_mixer.tuning.study import (
    StudyConfig,
    build_pruner,
    build_sampler,
    check_pruner,
    check_unchanged,
    create_study,
    load_study,
    quiet_optuna,
)

SPACE = SearchSpace.parse(["optimizer.lr=interval(0.1,0.2)"])
CONFIG = StudyConfig(["model=a"], [], SPACE.to_json(), ["best_val_skill"], [], None, "run")


def test_study_is_created_once_and_loaded(tmp_path):
    storage = open_storage("journal", "mine", tmp_path, tmp_path)
    with quiet_optuna():
        create_study(storage, "mine", CONFIG, 4, [{"optimizer.lr": 0.15}])
    with pytest.raises(ValueError, match=r"study=mine exists: .*make sweep resume=mine"):
        create_study(storage, "mine", CONFIG, 4, [])
    study, study_config = load_study(open_storage("journal", "mine", tmp_path, tmp_path), "mine")
    assert study_config == CONFIG
    assert len(study.trials) == 4
    assert study.metric_names == ["best_val_skill"]
    assert study.ask(SPACE.distributions).params == {"optimizer.lr": 0.15}
    with pytest.raises(FileNotFoundError, match=r"no study other .*: mine"):
        load_study(storage, "other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"space": SearchSpace.parse(["optimizer.lr=interval(0.1,0.3)"]).to_json()},
            r"study mine: .*optimizer.lr was interval\(0.1, 0.2\), is interval\(0.1, 0.3\)",
        ),
        (
            {"training_overrides": ["model=b"]},
            r"study mine: .*training_overrides \[model=a\], now \[model=b\]",
        ),
        ({"minimize": ["val/loss"]}, "with minimize"),
        ({"cv": 5}, "with cv null, now 5"),
    ],
)
def test_changed_settings_raise_on_resume(change, message):
    check_unchanged("mine", CONFIG, replace(CONFIG, overrides=["trials=60"], parent="other"))
    with pytest.raises(ValueError, match=message) as caught:
        check_unchanged("mine", CONFIG, replace(CONFIG, **change))
    assert "study=<another name>" in str(caught.value)


@pytest.mark.parametrize(
    ("pruner", "change", "message"),
    [
        ("median", {"minimize": ["val/loss"]}, "one objective, got 2.*pruner=none"),
        ("wilcoxon", {}, "cv=5"),
        ("median", {"maximize": ["test_skill_blind"]}, "test_skill_blind.*pruner=none"),
    ],
)
def test_impossible_pruning_raises(compose, pruner, change, message):
    built = build_pruner(compose(f"pruner={pruner}", page="sweep"))
    with pytest.raises(ValueError, match=message):
        check_pruner(built, replace(CONFIG, **change))


@pytest.mark.parametrize("name", ["none", "median", "hyperband", "wilcoxon"])
def test_pruner_is_built_and_accepted(compose, name):
    pruner = build_pruner(compose(f"pruner={name}", page="sweep"))
    assert isinstance(pruner, optuna.pruners.BasePruner)
    check_pruner(pruner, replace(CONFIG, cv=5))
    if name != "wilcoxon":
        check_pruner(pruner, CONFIG)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tpe", "gp", "qmc", "random", "grid", "nsga2", "nsga3"])
def test_sampler_is_deterministic_and_differs_between_trials(compose, name):
    """Seeded from (seed, number); a Sobol sequence keeps its position in the study."""
    cfg = compose(f"sampler={name}", page="sweep")

    def proposed(*numbers):
        values = []
        with quiet_optuna():
            study = optuna.create_study(directions=["maximize"])
            for number in numbers:
                study.sampler = build_sampler(cfg, number)
                trial = study.ask({"a": optuna.distributions.FloatDistribution(0, 1)})
                study.tell(trial, trial.params["a"])
                values.append(trial.params["a"])
        return values

    first = proposed(*range(6))
    assert first == proposed(*range(6))
    assert len(set(first)) == 6
