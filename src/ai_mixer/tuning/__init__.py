"""Hyperparameter search: Optuna's storage is the queue, a worker is a process, a trial is a run."""
