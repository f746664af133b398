"""Every option of configs/search with every model; keys that a model lacks are not searched."""

import pytest
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder
from ai_mixer.inference.builders import build_console, build_model
from ai_mixer.tuning.objective import TrialObjective
from ai_mixer.tuning.search_space import SearchSpace
from ai_mixer.tuning.sweep_request import parse_sweep_request

SEARCHES = sorted(file.stem for file in (config_folder() / "search").glob("*.yaml"))
MODELS = sorted(file.stem for file in (config_folder() / "model").glob("*.yaml"))
IN_FAST_TESTS = {("default", "ast_regressor"), ("default", "mean_knobs")}
PAIRS = [
    pytest.param(search, model, marks=[] if (search, model) in IN_FAST_TESTS else pytest.mark.slow)
    for search in SEARCHES
    for model in MODELS
    if search != "none"
]


class Composed(Exception):
    """Ends a trial before it trains; holds the composed config."""


def raise_composed(cfg, *_, **__):
    raise Composed(cfg)


@pytest.mark.parametrize(("search", "model"), PAIRS)
def test_every_search_fits_every_model(search, model, compose, open_study, store):
    overrides = [f"model={model}", f"search={search}"]
    cfg = compose(*overrides, page="sweep")
    request = parse_sweep_request(cfg, overrides)

    space = SearchSpace.from_json(request.study_config.space)
    requested = SearchSpace.parse(cfg.search.space).distributions
    if "model" not in requested:  # else the keys depend on the trial's model
        missing = [key for key in requested if key.startswith("model.") and not has(cfg, key)]
        assert [key for key in requested if key not in space.distributions] == missing
        notes = [note for note in request.notes if note.startswith("not searched")]
        assert [note.partition(": ")[2] for note in notes] == (
            [", ".join(missing)] if missing else []
        )

    study = open_study()
    study.enqueue_trial(request.default_point)
    objective = TrialObjective(raise_composed, "study", request.study_config, store)
    for _ in range(3):  # the default, and two points of the sampler
        with pytest.raises(Composed) as caught:
            objective(study.ask())
        (composed,) = caught.value.args
        assert build_model(composed, build_console(composed)) is not None
    params = study.trials[2].params
    assert params.keys() <= space.distributions.keys()
    for key, value in params.items():
        if key.startswith("model."):
            assert OmegaConf.select(composed, key) == value


def has(cfg, key):
    return OmegaConf.select(cfg, key) is not None
