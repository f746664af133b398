"""Alias of `ai_mixer.cli.stages`: `python -m ai_mixer.stages.train` and others keep working."""

from ai_mixer.cli import stages

__path__ = stages.__path__
