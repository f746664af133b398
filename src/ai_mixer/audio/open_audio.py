"""Opening of audio files with a decoder that reads all of them: libsndfile, else FFmpeg.

libsndfile is faster, and seeks exactly. It trusts some headers that may be wrong or missing: an
MP3 without a Xing header, FLAC from a pipe, chained Ogg. These are decoded by FFmpeg.
docs/decisions/0044-reading-audio.md.
"""

from pathlib import Path

from ai_mixer.audio.chained_ogg import ChainedOgg, link_starts
from ai_mixer.audio.errors import DecodeError, SongError
from ai_mixer.audio.ffmpeg_file import FFmpegFile
from ai_mixer.audio.mp3_header import mpeg_length
from ai_mixer.audio.ogg_pages import ogg_layout
from ai_mixer.audio.sndfile import SndFile
from ai_mixer.audio.stream_path import container_path, parse_stream_path

SNDFILE_SUFFIXES = frozenset(
    (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".aifc", ".caf", ".w64", ".rf64", ".au")
)
FFMPEG_SUFFIXES = frozenset(
    (
        *(".m4a", ".aac", ".opus", ".oga", ".wma", ".webm", ".mp4", ".m4v", ".mov", ".mkv"),
        *(".mka", ".avi", ".mpg", ".mpeg", ".flv", ".ac3", ".mp2", ".wv", ".ape", ".tta"),
        *(".mpc", ".dsf"),
    )
)
SUFFIXES = SNDFILE_SUFFIXES | FFMPEG_SUFFIXES
OGG_SUBTYPES = ("VORBIS", "OPUS")
UNKNOWN_FRAMES = 1 << 60  # libsndfile's count of frames, or more, if it does not know it

AudioDecoder = SndFile | FFmpegFile | ChainedOgg


def open_audio(path: Path, check_end: bool = False) -> AudioDecoder:
    """Open a file or stream. SongError if it is not mono or stereo audio with samples.

    check_end: also check that the end is there that the header of a FLAC file declares.
    """
    file = _open(path, check_end)
    if file.channels > 2:
        file.close()
        raise SongError(path, f"{file.channels} channels, needs mono or stereo: mix it down")
    return file


def _open(path: Path, check_end: bool) -> AudioDecoder:
    stream = parse_stream_path(path)
    try:
        if stream:
            return FFmpegFile(*stream)
        mpeg = mpeg_length(path)
        if mpeg is not None and not mpeg.complete:
            return FFmpegFile(path, declared_s=mpeg.declared_s)
        try:
            file = SndFile(path)
        except DecodeError as sndfile_error:
            return _open_unknown(path, sndfile_error)
        return _open_reliable(path, file, check_end)
    except (OSError, UnicodeEncodeError) as error:
        reason = f"cannot be read as sound ({_reason(path, error)})"
        raise SongError(path, reason) from error


def _open_unknown(path: Path, sndfile_error: DecodeError) -> FFmpegFile:
    """Open what libsndfile cannot. The error is that of the decoder for such file names."""
    try:
        return FFmpegFile(path)
    except DecodeError as error:
        raise sndfile_error if path.suffix.lower() in SNDFILE_SUFFIXES else error from error


def _open_reliable(path: Path, file: SndFile, check_end: bool) -> AudioDecoder:
    """The file itself if libsndfile reads all of it, else the file opened by FFmpeg."""
    declared_s = None
    reliable = 0 < file.frames < UNKNOWN_FRAMES and not file.subtype.startswith("MPEG")
    if file.format == "OGG":
        layout = ogg_layout(path)
        if layout.chained and len(link_starts(path)) > 1:
            file.close()
            return ChainedOgg(path)
        file.has_end = layout.has_end
        reliable &= file.subtype in OGG_SUBTYPES
    elif file.format == "MP3":
        reliable = file.frames > 0
    elif file.format == "FLAC" and reliable and check_end and not file.has_last_sample():
        reliable, declared_s = False, file.frames / file.samplerate
    if reliable:
        return file
    file.close()
    return FFmpegFile(path, declared_s=declared_s)


def _reason(path: Path, error: Exception) -> str:
    """The operating system's error if the file cannot be opened, else the decoder's error."""
    path = container_path(path)
    if isinstance(error, UnicodeEncodeError):
        return "its name is not valid Unicode: rename it"
    try:
        path.open("rb").close()
    except FileNotFoundError:
        if path.is_symlink():
            return f"a link to {path.readlink()}, which is not there"
        return "no such file"
    except OSError as system_error:
        return str(system_error.strerror)
    return str(error)
