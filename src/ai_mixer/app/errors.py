"""One-line messages for requests and jobs that fail."""

import re
from pathlib import Path


class AppError(ValueError):
    """An error that a request answers with. status: of HTTP."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def error_line(error: BaseException, folder: Path | None = None) -> str:
    """The message of an error as one line. folder: that of a song, which is
    left out of paths.
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        file = error.filename2 or error.filename
        text = f"{file}: {error.strerror}" if file else error.strerror
    elif not isinstance(error, ValueError | OSError):
        text = f"unexpected {type(error).__name__}: {text} (this is a bug)"
    if folder is not None:
        inside = r"(source/|reference/|exports/[0-9a-f]{16}/)?"
        text = re.sub(re.escape(f"{folder}/") + inside, "", text)
    return " ".join(text.split()) or type(error).__name__
