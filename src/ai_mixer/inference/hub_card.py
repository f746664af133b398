"""README.md of a model on the Hugging Face Hub: metadata in YAML, then the model card."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from ai_mixer.core.types import CONDITIONS
from ai_mixer.inference.model_card import card_text
from ai_mixer.inference.weights_licence import derive_licence, recorded_licences
from ai_mixer.metrics.tables import SYSTEMS

LICENCES = {  # SPDX → identifier of the Hub
    "CC0-1.0": "cc0-1.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "GPL-3.0-only": "gpl-3.0",
}
TAGS = ["audio", "music", "automatic-mixing", "differentiable-dsp", "ai_mixer"]
OTHER_ROWS = {"---", *SYSTEMS} - {"model"}
TASK = "audio-to-audio"
USAGE = """\

## Use it

```
ai-mixer models pull hf://OWNER/NAME my_model
ai-mixer mix song.wav --model my_model
```
"""


def hub_readme(model: Path, card: Mapping[str, Any], title: str) -> str:
    """Return the text of README.md. model: folder of the model; card: its model.json."""
    body = _body(model, card, title)
    licence = derive_licence(recorded_licences(body)).identifier
    metadata: dict[str, Any] = {
        "license": LICENCES[licence] if licence else "unknown",
        "library_name": "ai_mixer",
        "pipeline_tag": TASK,
        "tags": TAGS,
    }
    results = _results(body, card)
    if results:
        metadata["model-index"] = [{"name": title, "results": results}]
    front = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{body.rstrip()}\n{USAGE}"


def _body(model: Path, card: Mapping[str, Any], title: str) -> str:
    """The card of a packaged model; that of a run is made from its files."""
    if (file := model / "card.md").is_file():
        return file.read_text(encoding="utf-8")
    name = str(card["config"]["model"].get("_target_", "")).rpartition(".")[2] or "A model"
    tables = model / "eval" / "tables.md"
    evaluation = tables.read_text(encoding="utf-8") if tables.is_file() else "Not evaluated yet.\n"
    return card_text(model, card, title, f"{name} of ai_mixer.", _one_level_lower(evaluation))


def _one_level_lower(markdown: str) -> str:
    return re.sub(r"^(#+ )", r"#\1", markdown, flags=re.MULTILINE)


def _results(body: str, card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Knob skill per condition, as the Hub's `model-index` has results."""
    data = str(card["config"].get("data", {}).get("name", "unknown"))
    return [
        {
            "task": {"type": TASK, "name": f"knob prediction, {condition}"},
            "dataset": {"type": data, "name": f"{data}, held-out songs"},
            "metrics": [{"type": "knob_skill", "name": "knob skill", "value": value}],
        }
        for condition, value in _skills(body).items()
    ]


def _skills(body: str) -> dict[str, float]:
    """Condition → skill, from the row of the model in the first table of systems."""
    header: list[str] = []
    for line in body.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] == "system":
            header = cells
        elif header and line.startswith("|") and cells[0] not in OTHER_ROWS:
            row = dict(zip(header, cells, strict=False))
            texts = {one: row.get(one) or row.get(f"{one} skill", "") for one in CONDITIONS}
            values = {one: re.match(r"-?\d+\.\d+", text) for one, text in texts.items()}
            return {one: float(match[0]) for one, match in values.items() if match}
    return {}
