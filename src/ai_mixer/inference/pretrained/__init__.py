"""Pretrained models in the package: a folder each, with weights, model.json and card.md.

`default.txt` has the name of the default model, `blind.txt` that of mixes without a reference if it
is another one, `tracks.txt` that of mixes of several tracks, `credits.csv` the songs that the
models were trained on, `LICENSE` the licence of the weights. The folder is read at each call: to
add a model, add its folder. The card of a model of several tracks has the key TRACKS_KEY.
"""

import json
from pathlib import Path

from ai_mixer.config.stage_command import stage_command
from ai_mixer.inference.weights_licence import (
    WeightsLicence,
    derive_licence,
    recorded_licences,
)

MODELS_DIR = Path(__file__).parent
CARD = "model.json"
TRACKS_KEY = "tracks"
ACRONYMS = {"ast": "AST", "cnn": "CNN", "eq": "EQ"}


def list_models() -> list[str]:
    """Return the names of the pretrained models of one stereo file, the default model first."""
    return _ordered("default.txt", several=False)


def list_track_models() -> list[str]:
    """Return the names of the pretrained models of several tracks, the default model first."""
    return _ordered("tracks.txt", several=True)


def default_model() -> str:
    """Return the name of the default model. ValueError if the package has no models."""
    names = list_models()
    if not names:
        raise ValueError(
            "no model is packaged with this ai_mixer: give a run id or a folder with "
            f"{CARD} (`{stage_command('train')}` creates one)"
        )
    return names[0]


def blind_model() -> str:
    """Return the name of the default model without a reference. ValueError without models."""
    return _name_in(MODELS_DIR / "blind.txt", list_models()) or default_model()


def track_model() -> str | None:
    """Return the name of the default model of several tracks; None if the package has none."""
    return next(iter(list_track_models()), None)


def default_note(name: str) -> str:
    """What the model is the default of, in brackets after two spaces; empty if of nothing."""
    if name in list_track_models():
        return f"  ({'default for' if name == track_model() else 'for'} several tracks)"
    with_reference, without = name == default_model(), name == blind_model()
    if with_reference and without:
        return "  (default)"
    if with_reference or without:
        return f"  (default {'with' if with_reference else 'without'} a reference)"
    return ""


def model_folder(name: str) -> Path:
    """Return the folder of a pretrained model. name: as listed, or from `display_name`.

    ValueError, with the available names, for another name.
    """
    known = [*list_models(), *list_track_models()]
    if normalise_name(name) not in known:
        raise ValueError(f"no pretrained model {name!r}: choose from {', '.join(known) or 'none'}")
    return MODELS_DIR / normalise_name(name)


def model_summary(name: str) -> str:
    """Return the first sentence of its `card.md`; empty if there is none."""
    lines = (line.strip() for line in _card(name).splitlines())
    return next((line for line in lines if line and not line.startswith(("#", "-", "|"))), "")


def licence(name: str) -> WeightsLicence:
    """Return the licence of its weights, derived from the licences in its `card.md`."""
    return derive_licence(recorded_licences(_card(name)))


def normalise_name(name: str) -> str:
    """Convert a name to the name of its folder.

    >>> normalise_name("AST Regressor")
    'ast_regressor'
    """
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


def display_name(name: str) -> str:
    """Convert a name to its form in texts.

    >>> display_name("ast_regressor")
    'AST Regressor'
    """
    return " ".join(
        ACRONYMS.get(word, word.capitalize()) for word in normalise_name(name).split("_")
    )


def _card(name: str) -> str:
    """Text of the model's `card.md`; empty if there is none."""
    card = model_folder(name) / "card.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""


def _ordered(file: str, several: bool) -> list[str]:
    """Models of one stereo file or of several tracks, the one that a file names first."""
    cards = sorted(MODELS_DIR.glob(f"*/{CARD}"))
    names = [
        card.parent.name
        for card in cards
        if (TRACKS_KEY in json.loads(card.read_text(encoding="utf-8"))) == several
    ]
    default = _name_in(MODELS_DIR / file, names)
    return sorted(names, key=lambda name: name != default)


def _name_in(file: Path, names: list[str]) -> str | None:
    """The name that a file holds, if it is one of these."""
    name = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    return name if name in names else None
