"""A model as two files anybody can read: `model.safetensors` and `model.json`.

The card (JSON) holds all a stranger needs: `config` (whole and plain), `knobs` (with their trained
ranges), `trained` (which knobs the model ever learned). No pickle: loading runs no code.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ai_mixer.config.renamed import translate_config
from ai_mixer.tracking.int8 import dequantize
from ai_mixer.utils.atomic_write import write_bytes, write_text

FORMAT = 1
WEIGHTS_FILE, CARD_FILE = "model.safetensors", "model.json"
REQUIRED_KEYS = ("config", "knobs", "trained")


def save_model(folder: str | Path, weights: Mapping[str, Tensor], card: Mapping[str, Any]) -> Path:
    """Write both files into `folder`; a reader finds whole files or none. Returns the folder.

    ValueError if the card lacks `config`, `knobs` or `trained`, or is not plain JSON.
    """
    from safetensors.torch import save

    missing = [key for key in REQUIRED_KEYS if key not in card]
    if missing:
        raise ValueError(f"model card lacks {', '.join(missing)}: a model is loaded from these")
    # Clones, since tied weights share memory, which the format refuses.
    blob = save({name: w.detach().cpu().contiguous().clone() for name, w in weights.items()})
    stamped = {"format": FORMAT, "weights_sha256": hashlib.sha256(blob).hexdigest(), **card}
    try:
        text = json.dumps(stamped, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"model card is not plain JSON: {error}") from error
    target = Path(folder)
    write_bytes(target / WEIGHTS_FILE, blob)
    write_text(target / CARD_FILE, text)
    return target


def load_model_files(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights (on the CPU) and card of a saved model.

    FileNotFoundError or ValueError, in one line, if a file is missing, damaged, of another format,
    or if the two do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    folder = Path(folder)
    card = _read_card(folder / CARD_FILE)
    blob = _read(folder / WEIGHTS_FILE)
    if hashlib.sha256(blob).hexdigest() != card["weights_sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS_FILE} is damaged or not the one {CARD_FILE} belongs to: "
            "copy both again"
        )
    try:
        return dequantize(load(blob)), card
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS_FILE} is not a safetensors file: {error}") from error


def count_parameters(folder: str | Path) -> int | None:
    """Numbers in a saved model, from the head of its file; None if there is none to read."""
    try:
        with (Path(folder) / WEIGHTS_FILE).open("rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return sum(math.prod(head[name]["shape"]) for name in head if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError):
        return None


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(_read(path))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): copy it again from the run") from error
    version = card.get("format") if isinstance(card, dict) else None
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version!r}, this version reads {FORMAT}: "
            "load it with the ai_mixer it was made with, or train again"
        )
    missing = [key for key in (*REQUIRED_KEYS, "weights_sha256") if key not in card]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: copy it again from the run")
    card["config"] = translate_config(card["config"])
    return card


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileNotFoundError(
            f"no {path.name} in {path.parent}: a model is {WEIGHTS_FILE} and {CARD_FILE} "
            "side by side"
        ) from error
