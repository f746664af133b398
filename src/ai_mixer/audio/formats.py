"""Audio file formats for writing, chosen by the suffix of the file name."""

from pathlib import Path
from typing import NamedTuple

MP3_SAMPLE_RATES_HZ = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000})
AAC_SAMPLE_RATES_HZ = MP3_SAMPLE_RATES_HZ | {64000, 88200, 96000}
SAMPLE_RATES_HZ = {"MP3": MP3_SAMPLE_RATES_HZ, "M4A": AAC_SAMPLE_RATES_HZ}
ENCODER_OPTIONS: dict[str, dict[str, object]] = {
    "MP3": {"bitrate_mode": "CONSTANT", "compression_level": 0.0},  # 320 kbit/s at 44.1 kHz
    "OGG": {"compression_level": 0.1},  # about 320 kbit/s: quality 9 of 10
}
LOSSY_FORMATS = ("MP3", "OGG", "M4A", "OPUS")
MAX_WAV_BYTES = 4_000_000_000  # sizes in a RIFF header have 32 bits


class Format(NamedTuple):
    """A file format: its name (libsndfile's, if it writes it) and subtypes, the default first."""

    name: str
    subtypes: tuple[str, ...]

    @property
    def lossy(self) -> bool:
        """Whether decoded samples, and so their peaks, differ from the encoded ones."""
        return self.name in LOSSY_FORMATS


WAV = Format("WAV", ("PCM_24", "PCM_16", "PCM_32", "FLOAT", "DOUBLE"))
AIFF = Format("AIFF", ("PCM_24", "PCM_16", "PCM_32", "FLOAT", "DOUBLE"))
FORMATS = {
    ".wav": WAV,
    ".flac": Format("FLAC", ("PCM_24", "PCM_16")),
    ".mp3": Format("MP3", ("MPEG_LAYER_III",)),
    ".ogg": Format("OGG", ("VORBIS",)),
    ".m4a": Format("M4A", ("AAC",)),
    ".opus": Format("OPUS", ("OPUS",)),
    ".aiff": AIFF,
    ".aif": AIFF,
}
SUBTYPE_FALLBACKS = {"PCM_S8": "PCM_16", "PCM_U8": "PCM_16", "ULAW": "PCM_16", "ALAW": "PCM_16"}


def format_of(path: Path) -> Format:
    """Return the format for a file name. ValueError with all suffixes for an unsupported one.

    >>> format_of(Path("song.FLAC")).name
    'FLAC'
    """
    format = FORMATS.get(path.suffix.lower())
    if format is None:
        raise ValueError(
            f"{path.name}: cannot write {path.suffix or 'a file without a suffix'}: "
            f"choose one of {', '.join(FORMATS)}"
        )
    return format


def choose_subtype(format: Format, source: str) -> str:
    """Return the subtype of the source if the format supports it, else the format's default.

    source: libsndfile's subtype of the input file, e.g. "PCM_16".
    """
    subtype = SUBTYPE_FALLBACKS.get(source, source)
    return subtype if subtype in format.subtypes else format.subtypes[0]


def writable_sample_rate(path: Path, sample_rate: int) -> int:
    """The sample rate, or the nearest one that the format supports: half or a multiple first.

    >>> writable_sample_rate(Path("song.mp3"), 96_000), writable_sample_rate(Path("a.wav"), 96_000)
    (48000, 96000)
    """
    rates = SAMPLE_RATES_HZ.get(format_of(path).name)
    if rates is None or sample_rate in rates:
        return sample_rate
    divisors = [rate for rate in rates if sample_rate % rate == 0]
    return max(divisors or [rate for rate in rates if rate <= sample_rate] or [min(rates)])


def check_sample_rate(path: Path, sample_rate: int) -> None:
    """ValueError if the format of the file does not support the sample rate."""
    name = format_of(path).name
    rates = SAMPLE_RATES_HZ.get(name)
    if rates is not None and sample_rate not in rates:
        raise ValueError(
            f"{path.name}: {name.lower()} does not support {sample_rate} Hz: "
            "write a .flac or .wav instead"
        )
