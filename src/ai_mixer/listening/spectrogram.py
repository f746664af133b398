"""Spectrograms as PNG: time to the right, frequency upwards in octaves, brightness is level."""

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
    """Compute levels in `bands` of equal width in octaves, 40 Hz to 16 kHz (or half the rate).

    audio: [C, T]. Returns [bands, frames], dB of full scale, low bands first. Pink noise, which has
    the spectral slope of most music, has the same level in all of these bands.
    """
    size = max(16, 2 * round(WINDOW_S * sample_rate / 2))
    window = np.hanning(size)
    padded = np.pad(np.asarray(audio, dtype=np.float64), ((0, 0), (size // 2, size // 2)))
    starts = np.linspace(0, audio.shape[-1] - 1, frames).round().astype(int)
    blocks = sliding_window_view(padded, size, axis=-1)[:, starts] * window
    power = (np.abs(np.fft.rfft(blocks)) ** 2).mean(0) * (2 / window.sum()) ** 2
    # Bands may be narrower than a bin: interpolate the cumulative sum, then take differences.
    cumulative = np.concatenate([np.zeros((frames, 1)), power.cumsum(-1)], axis=-1)
    hz = (np.arange(cumulative.shape[-1]) - 0.5) * sample_rate / size
    edges = np.geomspace(LOW_HZ, max_frequency_hz(sample_rate), bands + 1)
    sums = np.array([np.interp(edges, hz, frame) for frame in cumulative])
    return 10 * np.log10(np.diff(sums).T + FLOOR)


def max_frequency_hz(sample_rate: int) -> float:
    """Return the upper edge of the spectrogram in Hz."""
    return min(HIGH_HZ, sample_rate / 2)


def frequency_ticks(sample_rate: int) -> list[tuple[str, float]]:
    """Return the ticks of the frequency axis: (text, height 0–1 from the bottom)."""
    log_range = np.log(max_frequency_hz(sample_rate) / LOW_HZ)
    ticks = {"100 Hz": 100.0, "1 kHz": 1000.0, "10 kHz": 10000.0}
    heights = {text: float(np.log(hz / LOW_HZ) / log_range) for text, hz in ticks.items()}
    return [(text, height) for text, height in heights.items() if height < 1]


def spectrogram_pngs(versions: Mapping[str, Audio], sample_rate: int) -> dict[str, str]:
    """Return a PNG (as a data URL) per version, all on the same colour scale."""
    levels = {name: band_levels_db(audio, sample_rate) for name, audio in versions.items()}
    top = max(float(level.max()) for level in levels.values())
    return {name: _png(1 + (level - top) / RANGE_DB) for name, level in levels.items()}


def _png(brightness: NDArray[np.float64]) -> str:
    from matplotlib import colormaps
    from matplotlib.image import imsave

    steps = np.round(np.clip(brightness, 0, 1) * 63) / 63  # fewer colours: smaller files
    blob = io.BytesIO()
    imsave(blob, steps, cmap=colormaps["magma"], vmin=0, vmax=1, origin="lower", format="png")
    return "data:image/png;base64," + base64.b64encode(blob.getvalue()).decode()
