"""Audio fingerprint of 32 bits every 25.6 ms, robust to encoding and level.

Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002: bit m of frame n is set
if the difference between bands m and m + 1 (300–2000 Hz) increased. Unlike in the paper, bands are
in dB, so that neither gain nor equalisation changes a bit.
"""

from pathlib import Path

import numpy as np

from ai_mixer.audio.errors import DecodeError, SongError
from ai_mixer.audio.open_audio import open_audio

VERSION = 1
"""Version of the algorithm: cached fingerprints of another version are not used."""

RATE_HZ = 5000
FRAME, HOP, LAG = 2048, 128, 4  # 0.41 s, 25.6 ms; the difference is over LAG frames
BITS = 32
BAND_EDGES = np.round(np.geomspace(300.0, 2000.0, BITS + 2) * FRAME / RATE_HZ).astype(int)
WINDOW = np.hanning(FRAME).astype(np.float32)
SILENCE_POWER = 1e-8 * WINDOW.sum() ** 2  # power of a sine at −74 dBFS: below it is silence
FINGERPRINT_SPAN_S = 30.0  # in the middle of a song


def fingerprint_file(path: Path, span_s: float = FINGERPRINT_SPAN_S) -> np.ndarray:
    """Fingerprint [F], uint32, of the middle `span_s` seconds of a file, or SongError."""
    with open_audio(path) as file:
        length = min(file.frames, round(span_s * file.samplerate))
        try:
            audio = file.read_at((file.frames - length) // 2, length)
        except DecodeError as error:
            raise SongError(path, f"is damaged ({error})") from error
        return fingerprint_audio(np.nan_to_num(audio).mean(axis=1), file.samplerate)


def fingerprint_audio(audio: np.ndarray, rate: int) -> np.ndarray:
    """Fingerprint of mono audio: [T] → [F], uint32; 0 in silence, F = 0 if it is too short."""
    length = round(len(audio) * RATE_HZ / rate)
    if length < FRAME + LAG * HOP:
        return np.zeros(0, np.uint32)
    # Resampling by truncating the spectrum: the circular wrap-around does not matter here.
    spectrum = np.zeros(length // 2 + 1, np.complex64)
    low = np.fft.rfft(audio)[: len(spectrum)]
    spectrum[: len(low)] = low
    audio = np.fft.irfft(spectrum, length).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * WINDOW)) ** 2
    bands = np.add.reduceat(power, BAND_EDGES, axis=1)[:, :-1]
    tilt = np.diff(np.log(bands + SILENCE_POWER), axis=1)
    increased = (tilt[LAG:] > tilt[:-LAG]) & (bands[LAG:].sum(axis=1) > SILENCE_POWER)[:, None]
    return (increased << np.arange(BITS, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)
