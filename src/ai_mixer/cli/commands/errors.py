"""What a user is told of an error: one line."""

from ai_mixer.utils.disk_errors import disk_full_path


def format_error(error: Exception) -> str:
    """The file and what is wrong; what we did not foresee is said so."""
    full = disk_full_path(error)
    if full is not None:
        named = error.filename if isinstance(error, OSError) else None
        return f"{named or full or 'a file'}: no space left on the disk"
    if isinstance(error, OSError) and error.strerror:
        file = error.filename2 or error.filename
        return f"{file}: {error.strerror}" if file else error.strerror
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | OSError):
        return text
    kind = type(error).__name__
    return f"unexpected {kind}: {text} (this is a bug; --debug shows where)"
