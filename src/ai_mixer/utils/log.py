"""The project's logger, `ai_mixer`: messages go to stderr, results to stdout.

Levels: INFO for the progress of a stage (a run is created, a fold starts), WARNING for a possible
mistake, DEBUG for progress if stderr is not a terminal.
"""

import codecs
import logging
import sys

ASCII_FORMS = {"→": "->", "…": "...", "–": "-", "−": "-", "×": "x", "±": "+-", "·": "-", "’": "'"}
ENCODING_ERRORS = "ai_mixer.ascii_forms"

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
    """Send the project's messages to stderr. quiet: only warnings and errors.

    Output never fails because of characters that the terminal's encoding lacks, such as those of
    file names: they are written in ASCII.
    """
    codecs.register_error(ENCODING_ERRORS, _ascii_form)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ENCODING_ERRORS)
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        handler = _StderrHandler()
        handler.setFormatter(_Formatter())
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def _ascii_form(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that cannot be encoded: an arrow by ->, others by their code."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    ascii_text = "".join(ASCII_FORMS.get(letter, letter) for letter in text)
    return ascii_text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def print_result(text: str) -> None:
    """Print a result, such as a table, on stdout: also with `quiet=true`."""
    print(text, flush=True)  # noqa: T201
