"""Which model: a packaged one by its name, or any that `load_model` finds."""

from functools import lru_cache
from pathlib import Path

from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Mixer, load_model


def chosen(model: str | None) -> tuple[str, Mixer]:
    """Its name and its mixer. None: the champion. ValueError or FileNotFoundError in one line."""
    name = pretrained.champion() if model is None else model
    known = pretrained.key(name)
    if known in pretrained.names():
        return known, _load(str(pretrained.folder(known)))
    try:
        return name, _load(name)
    except FileNotFoundError as error:
        there = ", ".join(pretrained.names()) or "none"
        raise FileNotFoundError(f"model {name}: {error} (packaged: {there})") from error


@lru_cache(maxsize=4)
def _load(where: str) -> Mixer:
    path = Path(where)
    return load_model(path if path.exists() else where)
