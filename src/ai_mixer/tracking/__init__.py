"""Runs in MLflow: the only package that imports it.

Everything here imports MLflow inside functions: it takes seconds, and most commands do not need it.
"""

import os

# Read by MLflow on its first import. It phones home and chats about its tables otherwise.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

from ai_mixer.tracking.model_files import load_model_files, save_model
from ai_mixer.tracking.resume_points import ResumePoint
from ai_mixer.tracking.run import Run
from ai_mixer.tracking.run_lookup import find_run, list_runs
from ai_mixer.tracking.store import Store

__all__ = ["ResumePoint", "Run", "Store", "find_run", "list_runs", "load_model_files", "save_model"]
