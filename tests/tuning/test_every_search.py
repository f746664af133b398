"""Every page of configs/search with every model: what a model has not is left out, by name."""

import pytest
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.tuning.objective import TrialObjective
from ai_mixer.tuning.search_space import SearchSpace
from ai_mixer.tuning.sweep_request import parse_sweep_request

SEARCHES = sorted(page.stem for page in (config_folder() / "search").glob("*.yaml"))
MODELS = sorted(page.stem for page in (config_folder() / "model").glob("*.yaml"))
IN_FAST_TESTS = {("default", "ast_regressor"), ("default", "mean_knobs")}
PAIRS = [
    pytest.param(search, model, marks=[] if (search, model) in IN_FAST_TESTS else pytest.mark.slow)
    for search in SEARCHES
    for model in MODELS
    if search != "none"
]


class Composed(Exception):  # ends a trial before it trains
    """What a trial would train."""


def refuse(cfg, *_, **__):
    raise Composed(cfg)


@pytest.mark.parametrize(("search", "model"), PAIRS)
def test_every_search_fits_every_model(search, model, compose, open_study, store):
    overrides = [f"model={model}", f"search={search}"]
    cfg = compose(*overrides, page="sweep")
    asked = parse_sweep_request(cfg, overrides)

    space = SearchSpace.from_json(asked.study_config.space)
    wanted = SearchSpace.parse(cfg.search.space).keys
    if "model" not in wanted:  # else it depends on the trial's
        lacks = [key for key in wanted if key.startswith("model.") and not has(cfg, key)]
        assert [key for key in wanted if key not in space.keys] == lacks
        said = [note for note in asked.notes if note.startswith("left out")]
        why = f"left out, for there is no such key with model={model} loss=balanced"
        assert said == ([f"{why}: {', '.join(lacks)}"] if lacks else [])

    study = open_study()
    study.enqueue_trial(asked.first)
    trial = TrialObjective(refuse, "study", asked.study_config, store)
    for _ in range(3):  # the default, and two that a sampler proposes
        with pytest.raises(Composed) as caught:
            trial(study.ask())
        (made,) = caught.value.args
        assert build_model(made, build_console(made)) is not None
    tried = study.trials[2].params
    assert tried.keys() <= space.keys.keys()
    for key, value in tried.items():
        if key.startswith("model."):
            assert OmegaConf.select(made, key) == value


def has(cfg, key):
    return OmegaConf.select(cfg, key) is not None
