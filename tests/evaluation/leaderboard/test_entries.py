"""The command of an entry is made from the overrides stored with its run."""

import pytest

from ai_mixer.evaluation.leaderboard.entries import find_entries
from ai_mixer.tracking import Run
from ai_mixer.tracking.resume_points import save_overrides


@pytest.fixture
def cross_validated(store):
    """Factory: name, tags, stored overrides (or none) → a finished run of three folds."""

    def make(name, tags, overrides=None):
        with Run.start(store, "leaderboard", f"{name}, 3 folds", {"cv": "3", **tags}) as parent:
            if overrides is not None:
                save_overrides(parent, overrides)
            parent.log_text("seed: 0\n", "config.yaml")
            parent.describe("Reproduce: `make train 'data.root=/my music' 'a=`b`'` (seed 0).")
            for fold in range(3):
                with Run.start(store, "leaderboard", name, parent_id=parent.id) as run:
                    run.log_params({"data": {"fold": f"{fold}/3"}})

    return make


def commands(store):
    return {row.title: row.command for row in find_entries(store, "leaderboard", 3)[0]}


def test_command_has_all_overrides_but_paths(store, cross_validated):
    paths = ["data.root=/my music", "paths.mlruns=/my runs"]
    cross_validated("cnn", {}, [*paths, "model=cnn", "run_name=a b", "a=`b`", "cv=3"])
    assert commands(store) == {"cnn": "make train model=cnn 'run_name=a b' 'a=`b`' cv=3"}


def test_command_of_an_ensemble_lists_its_runs(store, cross_validated):
    cross_validated("joined", {"ensemble": "1a2b,3c4d"})
    assert commands(store) == {"joined": "make ensemble runs=1a2b,3c4d name=joined"}
