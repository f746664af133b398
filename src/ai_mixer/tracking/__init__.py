"""Tracking of runs with MLflow; the only package that imports it.

MLflow is imported inside functions: it takes seconds, and most commands do not need it.
"""

import os

# Read by MLflow on its first import: no telemetry, no messages about its tables.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from ai_mixer.tracking.model_files import load_model_files, save_model
from ai_mixer.tracking.resume_points import ResumePoint
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.run_lookup import find_run, list_runs
from ai_mixer.tracking.store import Store

__all__ = ["ResumePoint", "Run", "Store", "find_run", "list_runs", "load_model_files", "save_model"]
