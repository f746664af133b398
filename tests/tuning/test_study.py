"""What a study refuses, by name and with the way out."""

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
PLAN = StudyConfig(["model=a"], [], SPACE.to_json(), ["best/val/skill"], [], None, "run")


def test_a_study_is_begun_once_and_found_again(tmp_path):
    storage = open_storage("journal", "mine", tmp_path, tmp_path)
    with quiet_optuna():
        create_study(storage, "mine", PLAN, 4, [{"optimizer.lr": 0.15}])
    with pytest.raises(ValueError, match="study=mine exists: make sweep resume=mine"):
        create_study(storage, "mine", PLAN, 4, [])
    study, study_config = load_study(open_storage("journal", "mine", tmp_path, tmp_path), "mine")
    assert study_config == PLAN
    assert len(study.trials) == 4
    assert study.metric_names == ["best/val/skill"]
    assert study.ask(SPACE.keys).params == {"optimizer.lr": 0.15}
    with pytest.raises(FileNotFoundError, match="no study other there; there are: mine"):
        load_study(storage, "other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"space": SearchSpace.parse(["optimizer.lr=interval(0.1,0.3)"]).to_json()},
            r"study mine: its space has changed: optimizer.lr was interval\(0.1, 0.2\), is "
            r"interval\(0.1, 0.3\)",
        ),
        ({"words": ["model=b"]}, r"study mine: was begun with words \[model=a\], now \[model=b\]"),
        ({"minimize": ["val/loss"]}, "with minimize"),
        ({"cv": 5}, "with cv null, now 5"),
    ],
)
def test_another_study_under_the_same_name_is_refused(change, message):
    check_unchanged("mine", PLAN, replace(PLAN, overrides=["trials=60"], parent="other"))
    with pytest.raises(ValueError, match=message) as caught:
        check_unchanged("mine", PLAN, replace(PLAN, **change))
    assert "study=<another name>" in str(caught.value)


@pytest.mark.parametrize(
    ("pruner", "change", "message"),
    [
        ("median", {"minimize": ["val/loss"]}, "needs one objective, here are 2.*pruner=none"),
        ("wilcoxon", {}, "add cv=5"),
        ("median", {"maximize": ["test/skill_blind"]}, "is not known while a trial is trained"),
    ],
)
def test_pruning_that_cannot_be_is_refused_early(compose, pruner, change, message):
    built = build_pruner(compose(f"pruner={pruner}", page="sweep"))
    with pytest.raises(ValueError, match=message):
        check_pruner(built, replace(PLAN, **change))


@pytest.mark.parametrize("name", ["none", "median", "hyperband", "wilcoxon"])
def test_each_pruner_is_taken(compose, name):
    pruner = build_pruner(compose(f"pruner={name}", page="sweep"))
    assert isinstance(pruner, optuna.pruners.BasePruner)
    check_pruner(pruner, replace(PLAN, cv=5))
    if name != "wilcoxon":
        check_pruner(pruner, PLAN)


@pytest.mark.parametrize("name", ["tpe", "gp", "qmc", "random", "grid", "nsga2", "nsga3"])
def test_each_sampler_proposes_the_same_again_and_another_for_another_trial(compose, name):
    """Seeded from (seed, number) alone; a Sobol sequence remembers in the study how far it is."""
    cfg = compose(f"sampler={name}", page="sweep")

    def proposed(*numbers):
        found = []
        with quiet_optuna():
            study = optuna.create_study(directions=["maximize"])
            for number in numbers:
                study.sampler = build_sampler(cfg, number)
                trial = study.ask({"a": optuna.distributions.FloatDistribution(0, 1)})
                study.tell(trial, trial.params["a"])
                found.append(trial.params["a"])
        return found

    first = proposed(*range(6))
    assert first == proposed(*range(6))
    assert len(set(first)) == 6
