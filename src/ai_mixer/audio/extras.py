"""Cover picture and lyrics, carried from a song to its mix where the format has a place for them.

libsndfile writes neither. In FLAC, Ogg and M4A they are added by copying the encoded audio into a
new file, in MP3 to the ID3 tag: copying would lose the padding in the LAME header.
"""

import base64
import os
import struct
from collections import ChainMap
from pathlib import Path
from typing import Any, NamedTuple

from ai_mixer.audio.ffmpeg_file import CONTAINERS, require_pyav
from ai_mixer.audio.id3 import append_frames, lyrics_frame, picture_frame
from ai_mixer.audio.stream_path import container_path
from ai_mixer.audio.tags import decode_text
from ai_mixer.utils.atomic_write import temporary_name

MIME_TYPES = {"mjpeg": "image/jpeg", "png": "image/png"}
MUXERS = {"FLAC": "flac", "OGG": "ogg", "OPUS": "opus", "M4A": "mp4"}  # format → FFmpeg's name
OPTIONS = {"mp4": {"brand": "M4A "}}  # PyAV refuses pictures in FFmpeg's own format for M4A, `ipod`
FRONT_COVER = 3
LYRICS_KEYS = ("lyrics", "unsyncedlyrics", "unsynced lyrics")


class Picture(NamedTuple):
    """A picture as a file of its MIME type. template: an `av` stream of the same picture."""

    data: bytes
    mime: str
    width: int
    height: int
    template: Any


def carry_extras(source: Path, target: Path, format_name: str) -> None:
    """Add cover and lyrics of `source` to `target`, a complete file of a format of `formats.py`.

    Does nothing if there are none, or if the format has no place for them (wav, aiff).
    """
    if format_name not in {"MP3", *MUXERS}:
        return
    av = require_pyav()
    try:
        original = _open(av, container_path(source))
    except av.FFmpegError:
        return
    with original:
        picture, lyrics = _read(av, original)
        try:
            if format_name == "MP3":
                frames = [lyrics_frame(lyrics)] if lyrics else []
                frames += [picture_frame(picture.data, picture.mime)] if picture else []
                if frames:
                    append_frames(target, frames)
            elif picture or lyrics:
                _copy_with(av, target, MUXERS[format_name], picture, lyrics)
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror, str(target)) from error


def _read(av: Any, container: Any) -> tuple[Picture | None, str]:
    """Picture and lyrics, as far as they can be read."""
    try:
        return _picture(av, container), _lyrics(container)
    except (av.FFmpegError, StopIteration):
        return None, ""


def _open(av: Any, path: Path) -> Any:
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    return av.open(f"file:{path}", options=options, metadata_errors="surrogateescape")


def _picture(av: Any, container: Any) -> Picture | None:
    """The first attached picture of a kind that all formats accept."""
    for stream in container.streams.video:
        mime = MIME_TYPES.get(stream.codec_context.name) if stream.codec_context else None
        if mime is None or not stream.disposition & av.stream.Disposition.attached_pic:
            continue
        packet = next(container.demux(stream))
        codec = stream.codec_context
        return Picture(bytes(packet), mime, codec.width, codec.height, stream)
    return None


def _lyrics(container: Any) -> str:
    streams = [stream.metadata for stream in container.streams.audio]  # Ogg has its tags there
    for name, text in ChainMap(container.metadata, *streams).items():
        if name.lower().startswith(LYRICS_KEYS):
            return decode_text(os.fsencode(text))
    return ""


def _copy_with(av: Any, path: Path, muxer: str, picture: Picture | None, lyrics: str) -> None:
    """Replace a file by a copy of its encoded audio with picture and lyrics."""
    temporary = temporary_name(path)
    options = OPTIONS.get(muxer, {})
    try:
        with (
            _open(av, path) as old,
            av.open(f"file:{temporary}", "w", format=muxer, options=options) as new,
        ):
            stream = old.streams.audio[0]
            copy = new.add_stream_from_template(stream)
            new.metadata.update({**old.metadata, **stream.metadata})
            if lyrics:
                new.metadata["lyrics"] = lyrics
            if picture and muxer in {"ogg", "opus"}:
                block = base64.b64encode(_flac_picture(picture)).decode()
                new.metadata["METADATA_BLOCK_PICTURE"] = block
            elif picture:
                _mux_picture(av, new, picture)
            for packet in old.demux(stream):
                if packet.size:
                    packet.stream = copy
                    new.mux(packet)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _mux_picture(av: Any, container: Any, picture: Picture) -> None:
    stream = container.add_stream_from_template(picture.template)
    stream.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(picture.data)
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    container.mux(packet)


def _flac_picture(picture: Picture) -> bytes:
    """A FLAC picture block (RFC 9639, section 8.8), which Ogg comments contain in base64."""
    mime = picture.mime.encode()
    return (
        struct.pack(">II", FRONT_COVER, len(mime))
        + mime
        + struct.pack(">IIIIII", 0, picture.width, picture.height, 24, 0, len(picture.data))
        + picture.data
    )
