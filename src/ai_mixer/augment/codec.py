"""Lossy compression: MP3 or Ogg Vorbis."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment
from ai_mixer.core.types import Version

FORMATS = {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}
MPEG1_SAMPLE_RATES_HZ = (32_000, 44_100, 48_000)  # at lower rates the MP3 encoder may resample
ENCODER_INPUT_PEAK = 0.7  # −3 dBFS, since decoders overshoot and roughs have any level
MAX_COMPRESSION = 0.7  # above it LAME changes the sample rate and with it the delay


class CodecParameters(NamedTuple):
    """Format, and libsndfile's compression level in 0–1."""

    format: str
    compression: float


class Codec(SingleVersionAugment):
    """Encode and decode in memory by libsndfile; keeps level and sample alignment.

    compression: range of libsndfile's compression level (0–1), uniform; about 240 to 100 kbit/s at
    a variable bit rate. Ogg Vorbis at sample rates that MPEG-1 does not have. On a rough it
    invalidates the knobs that depend on treble and on peaks.
    """

    def __init__(
        self,
        compression: tuple[float, float] = (0.1, MAX_COMPRESSION),
        *,
        version: Version = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("compressor_ratio", "high_eq", "presence"),
    ) -> None:
        super().__init__(version, probability, invalidates)
        low, high = compression
        if not 0.0 <= low <= high <= MAX_COMPRESSION:
            raise ValueError(f"compression must be in 0–{MAX_COMPRESSION}, got {low} to {high}")
        self.compression = compression

    def draw_parameters(self, rng: np.random.Generator) -> CodecParameters:
        """Draw a format and a compression level."""
        name = str(rng.choice(list(FORMATS)))
        return CodecParameters(name, float(rng.uniform(*self.compression)))

    def process(self, audio: Tensor, sample_rate: int, params: CodecParameters) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        peak = float(audio.abs().amax())
        if peak == 0.0:
            return audio
        samples = (audio * (ENCODER_INPUT_PEAK / peak)).T.cpu().contiguous().numpy()
        decoded = torch.from_numpy(_round_trip(samples, sample_rate, params).T).to(audio)
        return decoded.contiguous() * (peak / ENCODER_INPUT_PEAK)


def _round_trip(samples: np.ndarray, sample_rate: int, params: CodecParameters) -> np.ndarray:
    """[T, C] → [T, C]."""
    name = params.format if sample_rate in MPEG1_SAMPLE_RATES_HZ else "OGG"
    options = {"bitrate_mode": "VARIABLE"} if name == "MP3" else {}
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory,
        "w",
        sample_rate,
        samples.shape[1],
        format=name,
        subtype=FORMATS[name],
        compression_level=params.compression,
        **options,
    ) as file:
        file.write(samples)
    memory.seek(0)
    decoded, _ = soundfile.read(memory, frames=len(samples), dtype="float32", always_2d=True)
    out = np.zeros_like(samples)
    out[: len(decoded)] = decoded
    return out
