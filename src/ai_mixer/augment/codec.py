"""Codec: the file was an MP3 or Ogg Vorbis once."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from ai_mixer.augment.single_version import SingleVersionAugment

FORMATS = {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}
MPEG1_SAMPLE_RATES_HZ = (
    32_000,
    44_100,
    48_000,
)  # MPEG-1; below it the encoder resamples as it likes
ENCODER_INPUT_PEAK = 0.7  # −3 dBFS going in: decoders overshoot, and a rough may lie anywhere
MAX_COMPRESSION = 0.7  # on libsndfile's 0–1: beyond it LAME changes the sample rate, and the delay


class CodecParameters(NamedTuple):
    """A format, and how strongly it compresses, 0–1."""

    format: str
    compression: float


class Codec(SingleVersionAugment):
    """Encoded and decoded in memory by libsndfile, aligned to the sample; the level is kept.

    compression: libsndfile's 0–1, about 240 to 100 kbit/s of variable rate, evenly drawn. At rates
    that MPEG-1 does not have, it is Ogg Vorbis. Of a rough it disturbs what depends on highs and on
    peaks.
    """

    def __init__(
        self,
        compression: tuple[float, float] = (0.1, MAX_COMPRESSION),
        *,
        version: str = "rough",
        probability: float = 0.5,
        invalidates: Sequence[str] = ("compressor_ratio", "high_eq", "presence"),
    ) -> None:
        super().__init__(version, probability, invalidates)
        low, high = compression
        if not 0.0 <= low <= high <= MAX_COMPRESSION:
            raise ValueError(f"compression must lie in 0–{MAX_COMPRESSION}, got {low} to {high}")
        self.compression = compression

    def draw_parameters(self, rng: np.random.Generator) -> CodecParameters:
        """Either format, evenly."""
        return CodecParameters(
            str(rng.choice(list(FORMATS))), float(rng.uniform(*self.compression))
        )

    def process(self, audio: Tensor, sample_rate: int, params: CodecParameters) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        peak = float(audio.abs().amax())
        if peak == 0.0:
            return audio
        samples = (audio * (ENCODER_INPUT_PEAK / peak)).T.contiguous().numpy()
        decoded = torch.from_numpy(_round_trip(samples, sample_rate, params).T).to(audio)
        return decoded.contiguous() * (peak / ENCODER_INPUT_PEAK)


def _round_trip(samples: np.ndarray, sample_rate: int, setting: CodecParameters) -> np.ndarray:
    """[T, C] → [T, C]."""
    name = setting.format if sample_rate in MPEG1_SAMPLE_RATES_HZ else "OGG"
    kind = {"MP3": {"bitrate_mode": "VARIABLE"}}.get(name, {})
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory,
        "w",
        sample_rate,
        samples.shape[1],
        format=name,
        subtype=FORMATS[name],
        compression_level=setting.compression,
        **kind,
    ) as file:
        file.write(samples)
    memory.seek(0)
    decoded, _ = soundfile.read(memory, frames=len(samples), dtype="float32", always_2d=True)
    out = np.zeros_like(samples)
    out[: len(decoded)] = decoded
    return out
