"""Save and load a model as `model.safetensors` and `model.json`.

The card (model.json) has all that loading needs: `config` (resolved), `knobs` (with their trained
ranges), `trained` (names of the knobs that were unmasked in training). No pickle: loading runs no
code.
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
    """Write both files atomically into `folder`. Returns the folder.

    ValueError if the card lacks `config`, `knobs` or `trained`, or is not valid JSON.
    """
    from safetensors.torch import save

    missing = [key for key in REQUIRED_KEYS if key not in card]
    if missing:
        raise ValueError(f"model card lacks {', '.join(missing)}: loading needs these keys")
    # Cloned: the format does not support tied weights, which share memory.
    blob = save({name: w.detach().cpu().contiguous().clone() for name, w in weights.items()})
    stamped = {"format": FORMAT, "weights_sha256": hashlib.sha256(blob).hexdigest(), **card}
    try:
        text = json.dumps(stamped, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"model card is not valid JSON: {error}") from error
    target = Path(folder)
    write_bytes(target / WEIGHTS_FILE, blob)
    write_text(target / CARD_FILE, text)
    return target


def load_model_files(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Load the weights (on the CPU) and the card of a saved model.

    FileNotFoundError if a file is missing; ValueError if one is damaged or of another format, or
    if the weights are not those of the card.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    folder = Path(folder)
    card = _read_card(folder / CARD_FILE)
    blob = _read(folder / WEIGHTS_FILE)
    if hashlib.sha256(blob).hexdigest() != card["weights_sha256"]:
        raise ValueError(
            f"{folder / WEIGHTS_FILE} is damaged or does not match {CARD_FILE}: "
            "copy both files again"
        )
    try:
        return dequantize(load(blob)), card
    except SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS_FILE} is not a safetensors file: {error}") from error


def count_parameters(folder: str | Path) -> int | None:
    """Return the number of parameters from the header of the weights' file; None if unreadable."""
    try:
        with (Path(folder) / WEIGHTS_FILE).open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return sum(math.prod(header[name]["shape"]) for name in header if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError):
        return None


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(_read(path))
    except ValueError as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}): copy it from the run again"
        ) from error
    version = card.get("format") if isinstance(card, dict) else None
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version!r}, this version reads {FORMAT}: "
            "use the version of ai_mixer that wrote it, or train again"
        )
    missing = [key for key in (*REQUIRED_KEYS, "weights_sha256") if key not in card]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: copy it from the run again")
    card["config"] = translate_config(card["config"])
    return card


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileNotFoundError(
            f"no {path.name} in {path.parent}: a model needs {WEIGHTS_FILE} and {CARD_FILE} "
            "in one folder"
        ) from error
