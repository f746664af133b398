"""Fault finder: what is wrong with a song, with a figure, and what mends it."""
