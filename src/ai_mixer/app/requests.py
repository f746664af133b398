"""Parameters and bodies that several requests have."""

from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response

from ai_mixer.app.errors import AppError

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "minLength": 1}
            }
        },
    }
}


class Binary(Response):
    """Bytes of a file."""

    media_type = "application/octet-stream"


SongId = Annotated[str, Path(max_length=64)]
JobId = Annotated[str, Path(max_length=64)]
FileName = Annotated[str, Query(max_length=255, description="Name of the file, with its suffix.")]


def content_length(request: Request) -> int | None:
    """The announced length of the body. AppError if it is not a number."""
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not text.isdecimal():
        raise AppError("Content-Length must be a number")
    return int(text)
