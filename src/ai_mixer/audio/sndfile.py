"""Audio files decoded by libsndfile: wav, flac, mp3, ogg, aiff and their relatives."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ai_mixer.audio.chunks import declared_frames
from ai_mixer.audio.errors import DecodeError
from ai_mixer.audio.tags import decode_text

COMPRESSED_FORMATS = ("FLAC", "OGG", "MP3")
TOLERANCE_S = 0.1  # encoders pad: a complete file may be shorter than its header says


class SndFile(soundfile.SoundFile):
    """An open file, with the interface of `ffmpeg_file.FFmpegFile`.

    DecodeError if libsndfile cannot open it.
    """

    damage: Sequence[int] = ()  # libsndfile stops at the first damaged place
    has_end = True  # set by `open_audio`: whether the file ends as its format demands

    def __init__(self, path: Path | io.RawIOBase) -> None:
        try:
            super().__init__(path)
        except (soundfile.LibsndfileError, TypeError) as error:
            raise DecodeError(str(getattr(error, "error_string", error)).strip(". ")) from error

    @property
    def declared_frames(self) -> int | None:
        """Samples per channel that the header declares, None if it does not.

        libsndfile reduces the length of uncompressed audio to the size of the file.
        """
        if self.format in COMPRESSED_FORMATS:
            return self.frames
        return declared_frames(Path(self.name), self.frames)

    @property
    def tags(self) -> dict[str, str]:
        """Text of the tags, by name."""
        raw = {name: self._raw_tag(number) for name, number in soundfile._str_types.items()}
        return {name: decode_text(text) for name, text in raw.items()}

    def _raw_tag(self, number: int) -> bytes:
        """The bytes of a tag: `SoundFile` decodes all of them as UTF-8, and Latin-1 is lost."""
        text = soundfile._snd.sf_get_string(self._file, number)
        return soundfile._ffi.string(text) if text else b""

    def has_last_sample(self) -> bool:
        """Whether the last sample can be read; the next sample to be read is the first one."""
        try:
            self.seek(self.frames - 1)
            found = len(super().read(1)) == 1
            self.seek(0)
        except soundfile.LibsndfileError:
            return False
        return found

    def read_at(self, first: int, length: int) -> NDArray[np.float32]:
        """Read samples first … first + length: [n, C], fewer at the end of the file.

        DecodeError if some of them cannot be decoded.
        """
        start = min(first, self.frames)
        stop = min(first + length, self.frames)
        try:
            self.seek(start)
        except soundfile.LibsndfileError as error:
            raise DecodeError(error.error_string.strip(". ")) from error
        samples = self.read_next(stop - start)
        if len(samples) < stop - start - TOLERANCE_S * self.samplerate:
            expected_s = self.frames / self.samplerate
            raise DecodeError(f"shorter than the {expected_s:.1f} s of its header")
        return samples

    def read_next(self, length: int) -> NDArray[np.float32]:
        """Read the next samples: [n, C], fewer at the end. DecodeError if they do not decode."""
        try:
            return super().read(length, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise DecodeError(error.error_string.strip(". ")) from error
