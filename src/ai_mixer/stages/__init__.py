"""Alias: `python -m ai_mixer.stages.train` runs `ai_mixer.cli.stages.train`, and so on.

The stages moved to `ai_mixer.cli.stages`; published commands keep working.
"""

from ai_mixer.cli import stages

__path__ = stages.__path__
