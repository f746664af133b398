"""Evaluation: systems on held-out excerpts, their metrics, tables and significance tests."""
