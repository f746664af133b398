"""Helpers without audio: parallel work, progress, memory, signals, atomic files."""
