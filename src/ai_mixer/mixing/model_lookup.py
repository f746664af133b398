"""Which model: a packaged one by its name, or any that `load_model` finds."""

from functools import lru_cache
from pathlib import Path

from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Predictor, load_model


def resolve_model(model: str | None) -> tuple[str, Predictor]:
    """Its name and its mixer. None: the champion. ValueError or FileNotFoundError in one line."""
    name = pretrained.default_model() if model is None else model
    known = pretrained.normalise_name(name)
    if known in pretrained.list_models():
        return known, _load(str(pretrained.model_folder(known)))
    try:
        return name, _load(name)
    except FileNotFoundError as error:
        there = ", ".join(pretrained.list_models()) or "none"
        raise FileNotFoundError(f"model {name}: {error} (packaged: {there})") from error


@lru_cache(maxsize=4)
def _load(where: str) -> Predictor:
    path = Path(where)
    return load_model(path if path.exists() else where)
