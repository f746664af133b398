"""Measurements as a table a person reads and a JSON file a script reads."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from ai_mixer.evaluation.bench.timing import Quartiles, Timing, quartiles
from ai_mixer.utils.markdown import HIGH, LOW, to_markdown


def machine_info() -> dict[str, Any]:
    """What the figures hold for."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def with_quartiles(name: str, values: Quartiles) -> dict[str, float]:
    """The columns of a median and its quartiles."""
    return {name: values.median, name + LOW: values.low, name + HIGH: values.high}


def timing_columns(name: str, timing: Timing) -> dict[str, float]:
    """The columns of one timing: the clock with quartiles, the processor time, the first call."""
    cpu_ms = quartiles(timing.cpu_ms).median
    return {
        **with_quartiles(f"{name} ms", quartiles(timing.wall_ms)),
        f"{name} cpu ms": cpu_ms,
        f"{name} first ms": timing.first_ms,
    }


def write_json(table: pd.DataFrame, path: Path, **facts: Any) -> None:
    """All columns, one object a row, beside the machine's description and other facts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Mapping[str, Any]] = json.loads(table.reset_index().to_json(orient="records"))
    text = json.dumps({"machine": machine_info(), **facts, "rows": rows}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def format_table(table: pd.DataFrame) -> str:
    """The table without what a first call cost, which is in the JSON."""
    shown = [name for name in table.columns if " first " not in name]
    return to_markdown(table[shown], digits=1)
