"""Augmentations: changes of the song before the task, or of the rough after it."""
