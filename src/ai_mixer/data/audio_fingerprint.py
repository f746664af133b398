"""What a recording sounds like, in 32 bits every 25.6 ms: the same after another encoding or level.

Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002: bit m of frame n says
whether the difference between neighbouring bands of 300–2000 Hz grew or fell. Unlike theirs the
bands are in dB, so that neither a fader nor an equaliser changes a bit.
"""

from pathlib import Path

import numpy as np
import soundfile

from ai_mixer.audio.excerpt import SongError, open_audio

VERSION = 1
"""Counts changes of the bits: a new number makes new prints."""

RATE_HZ = 5000  # Hz, enough for the bands
FRAME, HOP, LAG = 2048, 128, 4  # 0.41 s, 25.6 ms; frames between which a band grew or fell
BITS = 32
BAND_EDGES = np.round(np.geomspace(300.0, 2000.0, BITS + 2) * FRAME / RATE_HZ).astype(int)
WINDOW = np.hanning(FRAME).astype(np.float32)
SILENCE_POWER = 1e-8 * WINDOW.sum() ** 2  # power of a sine of −74 dBFS: below it is silence
FINGERPRINT_SPAN_S = 30.0  # from the middle of a song


def fingerprint_file(path: Path, span_s: float = FINGERPRINT_SPAN_S) -> np.ndarray:
    """[F] uint32 for the middle `span_s` seconds of a file. SongError if it cannot be read."""
    with open_audio(path) as file:
        wanted = min(file.frames, round(span_s * file.samplerate))
        try:
            file.seek((file.frames - wanted) // 2)
            audio = file.read(wanted, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise SongError(path, f"is damaged ({error.error_string.strip('. ')})") from error
        return fingerprint_audio(np.nan_to_num(audio).mean(axis=1), file.samplerate)


def fingerprint_audio(audio: np.ndarray, rate: int) -> np.ndarray:
    """[T] samples of one channel → [F] uint32; 0 where it is silent, none if it is too short."""
    length = round(len(audio) * RATE_HZ / rate)
    if length < FRAME + LAG * HOP:
        return np.zeros(0, np.uint32)
    # Resampled by cutting the spectrum off: what wraps around at the ends is nothing to these bits.
    spectrum = np.zeros(length // 2 + 1, np.complex64)
    known = np.fft.rfft(audio)[: len(spectrum)]
    spectrum[: len(known)] = known
    audio = np.fft.irfft(spectrum, length).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * WINDOW)) ** 2
    bands = np.add.reduceat(power, BAND_EDGES, axis=1)[:, :-1]
    tilt = np.diff(np.log(bands + SILENCE_POWER), axis=1)
    grew = (tilt[LAG:] > tilt[:-LAG]) & (bands[LAG:].sum(axis=1) > SILENCE_POWER)[:, None]
    return (grew << np.arange(BITS, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)
