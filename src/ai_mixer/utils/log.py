"""The project's logger, `ai_mixer`: messages go to stderr, results to stdout.

Levels: INFO for the progress of a stage (a run is created, a fold starts), WARNING for a possible
mistake, DEBUG for progress if stderr is not a terminal.
"""

import logging
import sys

logger = logging.getLogger("ai_mixer")


class _Formatter(logging.Formatter):
    """Prefix messages above INFO with their level: `warning: …`, `error: …`."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


class _StderrHandler(logging.StreamHandler):
    """Handler that looks up `sys.stderr` for each message."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> object:
        """Current `sys.stderr`."""
        return sys.stderr


def configure_logging(quiet: bool = False) -> None:
    """Send the project's messages to stderr. quiet: only warnings and errors."""
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        handler = _StderrHandler()
        handler.setFormatter(_Formatter())
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def print_result(text: str) -> None:
    """Print a result, such as a table, on stdout: also with `quiet=true`."""
    print(text, flush=True)  # noqa: T201
