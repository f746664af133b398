"""Audio fingerprint of 32 bits every 25.6 ms, robust to encoding and level.

Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002: bit m of frame n is set
if the difference between bands m and m + 1 (300–2000 Hz) increased. Unlike in the paper, bands are
in dB, so that neither gain nor equalisation changes a bit, and stereo has a second fingerprint, of
the power of both channels, so that polarity and order of the channels do not matter.
"""

from pathlib import Path

import numpy as np
from scipy import fft

from ai_mixer.audio.errors import DecodeError, SongError
from ai_mixer.audio.open_audio import open_audio

VERSION = 2
"""Version of the algorithm: cached fingerprints of another version are not used."""

RATE_HZ = 5000
FRAME, HOP, LAG = 2048, 128, 4  # 0.41 s, 25.6 ms; the difference is over LAG frames
BITS = 32
BAND_EDGES = np.round(np.geomspace(300.0, 2000.0, BITS + 2) * FRAME / RATE_HZ).astype(int)
WINDOW = np.hanning(FRAME).astype(np.float32)
SILENCE_POWER = 1e-8 * WINDOW.sum() ** 2  # power of a sine at −74 dBFS: below it is silence
FINGERPRINT_SPAN_S = 30.0  # in the middle of a song


def fingerprint_file(path: Path, span_s: float = FINGERPRINT_SPAN_S) -> np.ndarray:
    """Fingerprint of the middle `span_s` seconds of a file, or SongError: see fingerprint_audio."""
    with open_audio(path) as file:
        length = min(file.frames, round(span_s * file.samplerate))
        try:
            audio = file.read_at((file.frames - length) // 2, length)
        except DecodeError as error:
            raise SongError(path, f"is damaged ({error})") from error
        return fingerprint_audio(np.nan_to_num(audio), file.samplerate)


def fingerprint_audio(audio: np.ndarray, rate: int) -> np.ndarray:
    """Fingerprint of mono audio [T] → [F], or of stereo [T, 2] → [2, F], uint32.

    0 in silence, F = 0 if it is too short. Of stereo, the first is that of the mid (mono copies
    have it), the second of the power of both channels (copies with other polarity or balance).
    """
    audio = audio[:, 0] if audio.ndim == 2 and audio.shape[1] == 1 else audio
    length, shape = round(len(audio) * RATE_HZ / rate), audio.shape[1:]
    if length < FRAME + LAG * HOP:
        return np.zeros((*shape, 0), np.uint32)
    # Two channels are the real and the imaginary part of one signal: one transform for both.
    signal = audio if audio.ndim == 1 else audio @ np.array([1, 1j], np.complex64)
    signal = _resample(signal, length)
    spectra = np.lib.stride_tricks.sliding_window_view(signal, FRAME)[::HOP] * WINDOW
    if audio.ndim == 1:
        return _bits(_power(fft.rfft(spectra)[:, : BAND_EDGES[-1] + 1]))
    spectra = fft.fft(spectra)
    positive = spectra[:, : BAND_EDGES[-1] + 1]
    negative = spectra[:, -np.arange(BAND_EDGES[-1] + 1)].conj()
    mid = _power((1 - 1j) * positive + (1 + 1j) * negative) / 16
    both = (_power(positive) + _power(negative)) / 4
    return np.stack([_bits(mid), _bits(both)])


def _bits(power: np.ndarray) -> np.ndarray:
    """Power of frames [frames, bins] → [F], uint32."""
    bands = np.add.reduceat(power, BAND_EDGES, axis=1)[:, :-1]
    tilt = np.diff(np.log(bands + SILENCE_POWER), axis=1)
    increased = (tilt[LAG:] > tilt[:-LAG]) & (bands[LAG:].sum(axis=1) > SILENCE_POWER)[:, None]
    return (increased << np.arange(BITS, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)


def _resample(signal: np.ndarray, length: int) -> np.ndarray:
    """Real or complex [T] → [length], by truncating or extending the spectrum.

    The circular wrap-around does not matter here.
    """
    kept = (min(length, len(signal)) - 1) // 2  # frequencies on each side of 0
    if not np.iscomplexobj(signal):
        spectrum = np.zeros(length // 2 + 1, np.complex64)
        spectrum[: kept + 1] = fft.rfft(signal)[: kept + 1]
        return np.asarray(fft.irfft(spectrum, length))
    spectrum, all_bins = np.zeros(length, np.complex64), fft.fft(signal, overwrite_x=True)
    spectrum[: kept + 1], spectrum[-kept:] = all_bins[: kept + 1], all_bins[-kept:]
    return np.asarray(fft.ifft(spectrum, overwrite_x=True))


def _power(spectra: np.ndarray) -> np.ndarray:
    return spectra.real**2 + spectra.imag**2
