"""The project's logger, `ai_mixer`: messages go to stderr, results are printed on stdout by `cli`.

Levels: INFO for what a user follows (a run was opened, a fold begins), WARNING for what may be a
mistake, DEBUG for progress where there is no terminal to show a bar on.
"""

import logging
import sys

logger = logging.getLogger("ai_mixer")


class _Formatter(logging.Formatter):
    """`warning: …` and `error: …`; an INFO message stands alone."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


class _StderrHandler(logging.StreamHandler):
    """Writes to what `sys.stderr` is at the time of the message."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> object:
        """The present stderr."""
        return sys.stderr


def configure_logging(quiet: bool = False) -> None:
    """Send messages of the project to stderr. quiet: only warnings and errors."""
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        handler = _StderrHandler()
        handler.setFormatter(_Formatter())
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
