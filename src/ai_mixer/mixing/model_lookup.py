"""Look up a model: a packaged one by its name, or a run or folder."""

from functools import lru_cache
from pathlib import Path

from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Predictor, load_model


def resolve_model(model: str | None, blind: bool = False) -> tuple[str, Predictor]:
    """Return a model's name and predictor. None: the default model. blind: that without reference.

    ValueError or FileNotFoundError (one line) if it does not exist.
    """
    default = pretrained.blind_model if blind else pretrained.default_model
    name = default() if model is None else model
    normalised = pretrained.normalise_name(name)
    if normalised in pretrained.list_models():
        return normalised, _load(str(pretrained.model_folder(normalised)))
    try:
        return name, _load(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"model {name}: {error}") from error


@lru_cache(maxsize=4)
def _load(name: str) -> Predictor:
    path = Path(name)
    return load_model(path if path.exists() else name)
