"""One-line error messages of `ai-mixer`."""

from ai_mixer.cli.commands.numbers import OptionError
from ai_mixer.utils.disk_errors import disk_full_path


def format_error(error: Exception) -> str:
    """Format an error as one line; an unexpected type is reported as a bug."""
    full = disk_full_path(error)
    if full is not None:
        file = error.filename if isinstance(error, OSError) else None
        return f"{file or full or 'a file'}: no space left on the disk"
    if isinstance(error, OSError) and error.strerror:
        file = error.filename2 or error.filename
        return f"{file}: {error.strerror}" if file else error.strerror
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | OSError | OptionError):
        return text
    kind = type(error).__name__
    return f"unexpected {kind}: {text} (this is a bug; --debug shows the traceback)"
