"""Pictures of sound: time to the right, pitch upwards in octaves, brightness is level."""

import base64
import io
from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ai_mixer.listening.samples import Audio

LOW_HZ, HIGH_HZ = 40.0, 16000.0
WINDOW_S = 0.09
RANGE_DB = 66.0
FLOOR = 1e-12


def band_levels_db(
    audio: Audio, sample_rate: int, frames: int = 640, bands: int = 112
) -> NDArray[np.float64]:
    """Level in each of `bands` equal parts of the octaves from 40 Hz to 16 kHz (or half the rate).

    audio: [C, T]. Returns [bands, frames], dB of full scale, low bands first. Bands of equal ratio:
    pink noise, the tilt of most music, shows as one even colour.
    """
    size = max(16, 2 * round(WINDOW_S * sample_rate / 2))
    window = np.hanning(size)
    padded = np.pad(np.asarray(audio, dtype=np.float64), ((0, 0), (size // 2, size // 2)))
    starts = np.linspace(0, audio.shape[-1] - 1, frames).round().astype(int)
    blocks = sliding_window_view(padded, size, axis=-1)[:, starts] * window
    power = (np.abs(np.fft.rfft(blocks)) ** 2).mean(0) * (2 / window.sum()) ** 2
    # Bands may be narrower than a bin: read the running sum between bins, take differences.
    running = np.concatenate([np.zeros((frames, 1)), power.cumsum(-1)], axis=-1)
    hz = (np.arange(running.shape[-1]) - 0.5) * sample_rate / size
    edges = np.geomspace(LOW_HZ, max_frequency_hz(sample_rate), bands + 1)
    sums = np.array([np.interp(edges, hz, frame) for frame in running])
    return 10 * np.log10(np.diff(sums).T + FLOOR)


def max_frequency_hz(sample_rate: int) -> float:
    """The upper edge of the picture."""
    return min(HIGH_HZ, sample_rate / 2)


def frequency_ticks(sample_rate: int) -> list[tuple[str, float]]:
    """Frequencies to write beside the picture: (words, height 0–1 from the bottom)."""
    octaves = np.log(max_frequency_hz(sample_rate) / LOW_HZ)
    marks = {"100 Hz": 100.0, "1 kHz": 1000.0, "10 kHz": 10000.0}
    heights = {text: float(np.log(hz / LOW_HZ) / octaves) for text, hz in marks.items()}
    return [(text, height) for text, height in heights.items() if height < 1]


def spectrogram_pngs(versions: Mapping[str, Audio], sample_rate: int) -> dict[str, str]:
    """One PNG (as a data address) per version, all on the same colour scale."""
    levels = {name: band_levels_db(audio, sample_rate) for name, audio in versions.items()}
    top = max(float(level.max()) for level in levels.values())
    return {name: _png(1 + (level - top) / RANGE_DB) for name, level in levels.items()}


def _png(brightness: NDArray[np.float64]) -> str:
    from matplotlib import colormaps
    from matplotlib.image import imsave

    steps = np.round(np.clip(brightness, 0, 1) * 63) / 63  # fewer colours make smaller files
    blob = io.BytesIO()
    imsave(blob, steps, cmap=colormaps["magma"], vmin=0, vmax=1, origin="lower", format="png")
    return "data:image/png;base64," + base64.b64encode(blob.getvalue()).decode()
