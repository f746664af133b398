"""Pretrained models in the package: a folder each, with weights, model.json and card.md.

`default.txt` has the name of the default model, `blind.txt` that of mixes without a reference if it
is another one, `credits.csv` the songs that the models were
trained on, `LICENSE` the licence of the weights. The folder is read at each call: to add a model,
add its folder.
"""

from pathlib import Path

from ai_mixer.config.stage_command import stage_command
from ai_mixer.inference.weights_licence import (
    WeightsLicence,
    derive_licence,
    recorded_licences,
)

MODELS_DIR = Path(__file__).parent
CARD = "model.json"
ACRONYMS = {"ast": "AST", "cnn": "CNN", "eq": "EQ"}


def list_models() -> list[str]:
    """Return the names of the pretrained models, the default model first."""
    names = sorted(card.parent.name for card in MODELS_DIR.glob(f"*/{CARD}"))
    default = _default_of(names)
    return [default, *(name for name in names if name != default)] if default else []


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


def default_note(name: str) -> str:
    """What the model is the default of, in brackets after two spaces; empty if of nothing."""
    with_reference, without = name == default_model(), name == blind_model()
    if with_reference and without:
        return "  (default)"
    if with_reference or without:
        return f"  (default {'with' if with_reference else 'without'} a reference)"
    return ""


def model_folder(name: str) -> Path:
    """Return the folder of a pretrained model. name: from `list_models` or `display_name`.

    ValueError, with the available names, for another name.
    """
    known = list_models()
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


def _default_of(names: list[str]) -> str | None:
    return _name_in(MODELS_DIR / "default.txt", names) or next(iter(names), None)


def _name_in(file: Path, names: list[str]) -> str | None:
    """The name that a file holds, if it is one of these."""
    name = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    return name if name in names else None
