"""Text of a packaged model's card.md: training data, command, limits."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ai_mixer.config.stage_command import stage_command
from ai_mixer.inference.weights_licence import (
    NOT_STATED,
    WeightsLicence,
    derive_licence,
    recorded_licences,
)
from ai_mixer.tracking.model_files import load_model_files
from ai_mixer.tracking.overrides import OVERRIDES_FILE, publishable, stored_overrides

CARD_TEMPLATE = """\
# {title}

{about}

## Training data

{data}

Command: `{command}`. The weights are stored with eight bits each.

## Licence

{licence}
## Evaluation

{evaluation}
## Limits

{limits}
"""
LICENCE_NOTE = """\
The weights: {licence}.
It follows from the licences of the music, if weights are an adaptation of it; that is not settled.
"""


def card_text(run: Path, card: Mapping[str, Any], title: str, about: str, evaluation: str) -> str:
    """Return the Markdown text of card.md.

    run: folder of the run. card: its model.json. evaluation: text and tables of that section.
    """
    data = training_data(run, card)
    return CARD_TEMPLATE.format(
        title=title,
        about=about,
        data=data,
        licence=licence_section(derive_licence(recorded_licences(data))),
        command=training_command(run),
        evaluation=evaluation,
        limits=limits(card),
    )


def licence_section(licence: WeightsLicence) -> str:
    """Text on the licence of the weights."""
    return LICENCE_NOTE.format(licence=licence.describe())


def training_data(run: Path, card: Mapping[str, Any]) -> str:
    """Collection, splits, genres and licences of the training songs, from the run's files."""
    name = card["config"].get("data", {}).get("name", "unknown")
    lines = [f"Collection: `data={name}`."]
    if (file := run / "split.csv").is_file():
        songs = pd.read_csv(file)
        lines.append(
            f"{len(songs)} recordings: {_counts(songs['split'], 'none')}. "
            f"Genres: {_counts(songs['genre'], 'unknown')}."
        )
    if (file := run / "manifest.csv").is_file():
        songs = pd.read_csv(file)
        licences = songs["licence"] if "licence" in songs else pd.Series(None, songs.index)
        lines.append(f"Licences: {_counts(licences, NOT_STATED)}.")
    return "\n".join([*lines, "The music is not part of this package."])


def limits(card: Mapping[str, Any]) -> str:
    """What a model cannot do, from its model.json."""
    trained = card["trained"]
    masked = [knob["name"] for knob in card["knobs"] if knob["name"] not in trained]
    lines = [f"- It sets {', '.join(trained)}."]
    if masked:
        lines.append(
            f"- Masked in training, so never learned: {', '.join(masked)}. They stay at neutral."
        )
    if card.get("calibration"):
        lines.append(
            "- Where it is uncertain, a knob moves less far from neutral "
            "(`ai_mixer.inference.shrinkage`)."
        )
    return "\n".join([*lines, "- It does not repair noise, clipping, timing or a poor recording."])


def training_command(run: Path) -> str:
    """Command that trained the model, without paths."""
    if not (run / OVERRIDES_FILE).is_file():  # an ensemble stores its members, not their runs
        members = load_model_files(run)[1]["config"]["model"].get("members", ())
        kinds = [member["_target_"].split(".")[-2] for member in members]
        return f"{stage_command('ensemble')} runs=… (of {', '.join(kinds) or 'unknown models'})"
    return stage_command("train", publishable(stored_overrides(run)))


def _counts(values: pd.Series, missing: str) -> str:
    """`rock (3), jazz (1)`, the most frequent first."""
    counts = Counter(values.astype(object).fillna(missing)).most_common()
    return ", ".join(f"{value} ({count})" for value, count in counts)
