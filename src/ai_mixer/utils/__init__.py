"""Helpers that are independent of audio: threads, progress, memory, signals, atomic files."""
