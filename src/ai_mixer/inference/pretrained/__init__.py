"""The models that come with the package: a folder each, with weights, card and a page about it.

`champion.txt` names the one that is used where nobody asks for another. What is there is looked up
each time: a model is added by laying its folder here.
"""

from pathlib import Path

MODELS_DIR = Path(__file__).parent
CARD = "model.json"
ACRONYMS = {"ast": "AST", "cnn": "CNN", "eq": "EQ"}


def list_models() -> list[str]:
    """The packaged models, the champion first."""
    found = sorted(card.parent.name for card in MODELS_DIR.glob(f"*/{CARD}"))
    best = _default_of(found)
    return [best, *(name for name in found if name != best)] if best else []


def default_model() -> str:
    """The model used where none is asked for. ValueError if no model is packaged."""
    found = list_models()
    if not found:
        raise ValueError(
            "no model is packaged with this ai_mixer: name one, a run's id or a folder with "
            f"{CARD} (`make train` makes one)"
        )
    return found[0]


def model_folder(name: str) -> Path:
    """Where a packaged model lies. `name`: as `names` gives it, or as `display_name` shows it.

    ValueError, listing what there is, for another name.
    """
    known = list_models()
    if normalise_name(name) not in known:
        raise ValueError(f"no packaged model {name!r}: there is {', '.join(known) or 'none'}")
    return MODELS_DIR / normalise_name(name)


def model_summary(name: str) -> str:
    """The first sentence of its page, `card.md`; empty if there is none."""
    page = model_folder(name) / "card.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith(("#", "-", "|"))), "")


def normalise_name(name: str) -> str:
    """A name as folders have it.

    >>> normalise_name("AST Regressor")
    'ast_regressor'
    """
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


def display_name(name: str) -> str:
    """A name as people read it.

    >>> display_name("ast_regressor")
    'AST Regressor'
    """
    return " ".join(
        ACRONYMS.get(word, word.capitalize()) for word in normalise_name(name).split("_")
    )


def _default_of(found: list[str]) -> str | None:
    page = MODELS_DIR / "champion.txt"
    asked = page.read_text(encoding="utf-8").strip() if page.is_file() else ""
    return asked if asked in found else (found[0] if found else None)
