"""The kinds of sound file that are written, by the ending of the name."""

from pathlib import Path
from typing import NamedTuple

MP3_SAMPLE_RATES_HZ = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
ENCODER_OPTIONS: dict[str, dict[str, object]] = {
    "MP3": {"bitrate_mode": "CONSTANT", "compression_level": 0.0},  # 320 kbit/s at 44.1 kHz
    "OGG": {"compression_level": 0.1},  # about 320 kbit/s: quality 9 of 10
}
MAX_WAV_BYTES = 4_000_000_000  # a RIFF header counts to 2³²


class Format(NamedTuple):
    """A kind of file: libsndfile's name for it, and how samples may be stored, the usual first."""

    name: str
    subtypes: tuple[str, ...]

    @property
    def lossy(self) -> bool:
        """Does it come back with other samples, and other peaks?"""
        return self.name in ENCODER_OPTIONS


WAV = Format("WAV", ("PCM_24", "PCM_16", "PCM_32", "FLOAT", "DOUBLE"))
AIFF = Format("AIFF", ("PCM_24", "PCM_16", "PCM_32", "FLOAT", "DOUBLE"))
FORMATS = {
    ".wav": WAV,
    ".flac": Format("FLAC", ("PCM_24", "PCM_16")),
    ".mp3": Format("MP3", ("MPEG_LAYER_III",)),
    ".ogg": Format("OGG", ("VORBIS",)),
    ".aiff": AIFF,
    ".aif": AIFF,
}
SUBTYPE_FALLBACKS = {"PCM_S8": "PCM_16", "PCM_U8": "PCM_16", "ULAW": "PCM_16", "ALAW": "PCM_16"}


def format_of(path: Path) -> Format:
    """What a file of that name is to be. ValueError, with the menu, for an ending we do not write.

    >>> format_of(Path("song.FLAC")).name
    'FLAC'
    """
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        raise ValueError(
            f"{path.name}: cannot write {path.suffix or 'a file without an ending'}: "
            f"choose one of {', '.join(FORMATS)}"
        )
    return found


def choose_subtype(format: Format, source: str) -> str:
    """How to store the samples: as the source has them where the format can, else as usual.

    source: libsndfile's subtype of the song that was read, e.g. "PCM_16".
    """
    wanted = SUBTYPE_FALLBACKS.get(source, source)
    return wanted if wanted in format.subtypes else format.subtypes[0]


def check_sample_rate(path: Path, sample_rate: int) -> None:
    """ValueError if the kind of file cannot hold the rate."""
    if format_of(path).name == "MP3" and sample_rate not in MP3_SAMPLE_RATES_HZ:
        raise ValueError(
            f"{path.name}: mp3 has no rate of {sample_rate} Hz: write a .flac or .wav instead"
        )
