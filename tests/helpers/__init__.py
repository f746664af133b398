"""Helpers for tests: signals, measures and real music."""
