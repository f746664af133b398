"""Writing of M4A (AAC) and Opus by FFmpeg (PyAV), which libsndfile cannot encode or resample."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from ai_mixer.audio.ffmpeg_file import TAG_KEYS, require_pyav
from ai_mixer.audio.tags import Tags


class Encoder(NamedTuple):
    """Container and codec as FFmpeg names them. rate_hz: the only rate of the codec, else None."""

    container: str
    codec: str
    stereo_bit_rate: int
    rate_hz: int | None


ENCODERS = {
    "M4A": Encoder("ipod", "aac", 256_000, None),
    "OPUS": Encoder("opus", "libopus", 192_000, 48_000),
}


def write_with_ffmpeg(
    path: Path,
    blocks: Iterable[Tensor],
    sample_rate: int,
    channels: int,
    format_name: str,
    tags: Tags,
) -> None:
    """Encode blocks [C, n], full scale = 1, in a format of ENCODERS. Opus is resampled to 48 kHz.

    OSError if the file cannot be written.
    """
    av, encoder = require_pyav(), ENCODERS[format_name]
    layout = "mono" if channels == 1 else "stereo"
    try:
        with av.open(f"file:{path}", "w", format=encoder.container) as container:
            rate = encoder.rate_hz or sample_rate
            stream = container.add_stream(encoder.codec, rate=rate, layout=layout)
            stream.bit_rate = encoder.stereo_bit_rate * channels // 2
            names = {name: key for key, name in TAG_KEYS.items()}
            container.metadata.update({names.get(name, name): text for name, text in tags.items()})
            resampler = av.AudioResampler(stream.format, layout, rate)
            position = 0
            for block in blocks:
                frame = _frame(av, block, layout, sample_rate, position)
                position += frame.samples
                _encode(container, stream, resampler.resample(frame))
            _encode(container, stream, resampler.resample(None))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise OSError(error.errno, f"cannot be written ({error.strerror})", str(path)) from error


def _frame(av: Any, block: Tensor, layout: str, sample_rate: int, position: int) -> Any:
    samples = np.ascontiguousarray(block.numpy(), np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), position
    return frame


def _encode(container: Any, stream: Any, frames: Iterable[Any]) -> None:
    for frame in frames:
        container.mux(stream.encode(frame))
