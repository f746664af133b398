"""Output of measurements: a Markdown table and a JSON file."""

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
    """Describe the machine, the torch version and the date of a measurement."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def with_quartiles(name: str, values: Quartiles) -> dict[str, float]:
    """Columns of a median and its quartiles."""
    return {name: values.median, name + LOW: values.low, name + HIGH: values.high}


def timing_columns(name: str, timing: Timing) -> dict[str, float]:
    """Columns of one timing: wall time with quartiles, processor time, first call; in ms."""
    cpu_ms = quartiles(timing.cpu_ms).median
    return {
        **with_quartiles(f"{name} ms", quartiles(timing.wall_ms)),
        f"{name} cpu ms": cpu_ms,
        f"{name} first ms": timing.first_ms,
    }


def write_json(table: pd.DataFrame, path: Path, **metadata: Any) -> None:
    """Write all columns, one object per row, with the machine info and further metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Mapping[str, Any]] = json.loads(table.reset_index().to_json(orient="records"))
    text = json.dumps({"machine": machine_info(), **metadata, "rows": rows}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def format_table(table: pd.DataFrame) -> str:
    """Format as Markdown, without the durations of first calls, which are in the JSON file."""
    columns = [name for name in table.columns if " first " not in name]
    return to_markdown(table[columns], digits=1)
