"""Which model: a packaged one by its name, or any that `load_model` finds."""

from functools import lru_cache
from pathlib import Path

from ai_mixer import packaged
from ai_mixer.mixer import Mixer, load_model


def chosen(model: str | None) -> tuple[str, Mixer]:
    """Its name and its mixer. None: the champion. ValueError or FileNotFoundError in one line."""
    name = packaged.champion() if model is None else model
    known = packaged.key(name)
    if known in packaged.names():
        return known, _load(str(packaged.folder(known)))
    try:
        return name, _load(name)
    except FileNotFoundError as error:
        there = ", ".join(packaged.names()) or "none"
        raise FileNotFoundError(f"model {name}: {error} (packaged: {there})") from error


@lru_cache(maxsize=4)
def _load(where: str) -> Mixer:
    path = Path(where)
    return load_model(path if path.exists() else where)
