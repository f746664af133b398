"""Effects for the band's mixes: filters, compressor, reverb, delay, saturation, limiter, loudness.

Deliberately different from the console's effects (scipy's filters, a compressor on an RMS envelope
at 1 kHz, reverb by convolution with shaped noise), so that a model cannot rely on artefacts of the
console.

Audio: [2, T] float64, full scale = 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import butter, iirpeak, oaconvolve, resample_poly, sosfilt

from ai_mixer.data.band.conventions import Bell
from ai_mixer.dsp.k_weighting import k_weighting
from ai_mixer.utils.compilation import njit

Audio = NDArray[np.float64]
FRAME_S = 0.001
LOOK_AHEAD_S = 0.002
LIMITER_RELEASE_S = 0.08
DELAY_REPEATS = 6


def db_to_ratio(level_db: float) -> float:
    """Amplitude ratio of a level in dB."""
    return float(10.0 ** (level_db / 20.0))


def high_pass(x: Audio, rate: int, frequency_hz: float, order: int = 2) -> Audio:
    """Butterworth high-pass."""
    return np.asarray(sosfilt(butter(order, frequency_hz, "highpass", fs=rate, output="sos"), x))


def low_pass(x: Audio, rate: int, frequency_hz: float, order: int = 1) -> Audio:
    """Butterworth low-pass; returns x if the frequency is near or above Nyquist."""
    if frequency_hz >= 0.45 * rate:
        return x
    return np.asarray(sosfilt(butter(order, frequency_hz, "lowpass", fs=rate, output="sos"), x))


def equalise(x: Audio, rate: int, high_pass_hz: float, bells: Sequence[Bell]) -> Audio:
    """Butterworth high-pass and bells (frequency_hz, gain_db, q).

    A bell is x plus (gain − 1) times its resonance. Bells near or above Nyquist are ignored; a bell
    wider than the band up to Nyquist is made narrower, since the resonance would be unstable.
    """
    sections = [butter(2, high_pass_hz, "highpass", fs=rate, output="sos")]
    for frequency_hz, gain_db, q in bells:
        if frequency_hz < 0.45 * rate:
            b, a = iirpeak(frequency_hz, max(q, frequency_hz / (0.48 * rate)), fs=rate)
            sections.append(np.concatenate([a + (db_to_ratio(gain_db) - 1.0) * b, a])[None])
    return np.asarray(sosfilt(np.concatenate(sections), x))


def tilt(x: Audio, rate: int, low_db: float, high_db: float) -> Audio:
    """First-order shelves: below 120 Hz and above 6 kHz."""
    low, high = low_pass(x, rate, 120.0), high_pass(x, rate, min(6000.0, 0.4 * rate), order=1)
    return x + (db_to_ratio(low_db) - 1.0) * low + (db_to_ratio(high_db) - 1.0) * high


def widen(x: Audio, width: float, pan: float = 0.0) -> Audio:
    """Scale the side signal (0 = mono), then pan with constant power."""
    mid, side = (x[0] + x[1]) / 2.0, width * (x[0] - x[1]) / 2.0
    angle = (pan + 1.0) * np.pi / 4.0
    gains = np.sqrt(2.0) * np.array([[np.cos(angle)], [np.sin(angle)]])
    return np.stack([mid + side, mid - side]) * gains


def doubler(x: Audio, rate: int, level_db: float) -> Audio:
    """Add the mid signal, delayed by 13 ms, to the side. Does not change the mono sum."""
    mid = high_pass((x[:1] + x[1:]) / 2.0, rate, 250.0, order=1) * db_to_ratio(level_db)
    shift = round(0.013 * rate)
    side = np.zeros_like(mid)
    side[:, shift:] = mid[:, :-shift]
    return np.concatenate([x[:1] + side, x[1:] - side])


def compress(
    x: Audio,
    rate: int,
    depth_db: float,
    slope: float,
    attack_ms: float,
    release_ms: float,
    key: Audio | None = None,
    max_reduction_db: float = 12.0,
) -> Audio:
    """Compressor with a threshold `depth_db` below the 95th percentile of the key's level.

    slope: 1 − 1/ratio. key: sidechain, default x. The gain is computed once per millisecond.
    """
    level_db = _envelope_db(x if key is None else key, rate)
    threshold = np.percentile(level_db, 95.0) - depth_db
    target_db = np.minimum(slope * np.maximum(level_db - threshold, 0.0), max_reduction_db)
    frame_ms = 1000.0 * FRAME_S
    reduction_db = _attack_release_smoothing(
        target_db, np.exp(-frame_ms / attack_ms), np.exp(-frame_ms / release_ms)
    )
    centers = (np.arange(len(reduction_db)) + 0.5) * _frame(rate)
    return x * 10.0 ** (-np.interp(np.arange(x.shape[1]), centers, reduction_db) / 20.0)


def drive(x: Audio, amount: float) -> Audio:
    """Soft clipping: amount 0 returns x, 1 reduces peaks by about 5 dB."""
    if amount <= 0.0:
        return x
    knee = float(np.percentile(np.abs(x[:, ::7]), 99.9)) / (0.4 + amount)
    return np.asarray(knee * np.tanh(x / knee)) if knee > 0.0 else x


def reverb_impulse_response(
    rng: np.random.Generator, rate: int, decay_s: float, predelay_ms: float, high_decay: float
) -> Audio:
    """Reverb impulse response [2, T]: early reflections, then decaying noise.

    decay_s: time to −60 dB in the middle band. high_decay: relative decay time above 5 kHz. The
    energy is 1 per channel.
    """
    length = int(rate * decay_s * 1.1)
    time_s = np.arange(length) / rate
    noise = rng.standard_normal((2, length))
    low, high = low_pass(noise, rate, 300.0), high_pass(noise, rate, min(5000.0, 0.4 * rate), 1)
    tail = np.zeros((2, length))
    for band, share in ((low, 1.15), (noise - low - high, 1.0), (high, high_decay)):
        tail += band * 10.0 ** (-3.0 * time_s / (decay_s * share))
    tail *= np.minimum(1.0, time_s / 0.02)  # the tail fades in after the reflections
    for delay_s in np.cumsum(rng.uniform(0.003, 0.011, 9)):
        tail[rng.integers(2), min(int(delay_s * rate), length - 1)] += 6.0 * np.exp(-delay_s / 0.03)
    tail = high_pass(tail, rate, 180.0)
    tail /= np.sqrt(np.square(tail).sum(axis=1, keepdims=True))
    return np.pad(tail, ((0, 0), (int(predelay_ms / 1000.0 * rate), 0)))


def convolve(x: Audio, response: Audio) -> Audio:
    """Convolution by overlap-add, truncated to the length of x."""
    return np.asarray(oaconvolve(x, response, axes=1)[:, : x.shape[1]])


def delay(x: Audio, rate: int, time_s: float, fade_db: float, high_cut_hz: float) -> Audio:
    """Ping-pong delay: DELAY_REPEATS repeats, each attenuated and low-passed further."""
    repeat = np.repeat(high_pass(x, rate, 200.0).mean(axis=0, keepdims=True), 2, axis=0)
    out, step = np.zeros_like(x), int(time_s * rate)
    for i in range(1, DELAY_REPEATS + 1):
        start = i * step
        if start >= x.shape[1]:
            break
        repeat = low_pass(repeat, rate, high_cut_hz)
        gains = np.array([[0.9], [0.35]])[:: 1 if i % 2 else -1]
        out[:, start:] += db_to_ratio(-fade_db * (i - 1)) * gains * repeat[:, : x.shape[1] - start]
    return out


def inter_sample_peaks(x: Audio) -> Audio:
    """True peak [T] around each sample: maximum of both channels, oversampled four times."""
    return np.max([np.abs(resample_poly(c, 4, 1)).reshape(-1, 4).max(axis=1) for c in x], axis=0)


def limit(x: Audio, peaks: Audio, rate: int, ceiling: float) -> Audio:
    """True-peak limiter with 2 ms look-ahead and 80 ms release. peaks: `inter_sample_peaks(x)`."""
    window = 2 * int(LOOK_AHEAD_S * rate) + 1
    around = np.maximum(peaks, np.maximum(np.roll(peaks, 1), np.roll(peaks, -1)))
    gain = np.minimum(1.0, ceiling / np.maximum(around, 1e-9))
    gain = _release_smoothing(
        minimum_filter1d(gain, window), np.exp(-1.0 / (LIMITER_RELEASE_S * rate))
    )
    return x * uniform_filter1d(gain, window, mode="nearest")


def loudness_lufs(x: Audio, rate: int) -> float:
    """Integrated loudness by BS.1770-4 with both gates; −120 for silence."""
    weighted = sosfilt([[*b, *a] for b, a in k_weighting(rate)], x)
    hop = int(0.1 * rate)
    hops = max(1, x.shape[1] // hop)
    power = np.square(weighted[:, : hops * hop]).sum(axis=0)
    hop_power = np.array([part.sum() for part in np.array_split(power, hops)])
    blocks = np.convolve(hop_power, np.ones(min(4, hops)), "valid") / (hop * min(4, hops))
    blocks = blocks[blocks > 10.0 ** ((-70.0 + 0.691) / 10.0)]
    if not len(blocks):
        return -120.0
    gated = blocks[blocks > 0.1 * blocks.mean()]
    return float(-0.691 + 10.0 * np.log10(gated.mean()))


def _frame(rate: int) -> int:
    return max(1, round(FRAME_S * rate))


def _envelope_db(x: Audio, rate: int) -> Audio:
    """RMS level of each millisecond, smoothed over 5 ms."""
    frame = _frame(rate)
    frames = max(1, x.shape[1] // frame)
    power = np.square(x[:, : frames * frame]).mean(axis=0).reshape(frames, -1).mean(axis=1)
    return np.asarray(10.0 * np.log10(uniform_filter1d(power, 5, mode="nearest").clip(1e-12)))


@njit(cache=True, nogil=True)
def _attack_release_smoothing(target, attack, release):  # type: ignore[no-untyped-def]
    """One-pole smoothing with separate coefficients for rise and fall, from 0."""
    out, state = np.empty_like(target), 0.0
    for i in range(len(target)):
        coefficient = attack if target[i] > state else release
        state = target[i] + coefficient * (state - target[i])
        out[i] = state
    return out


@njit(cache=True, nogil=True)
def _release_smoothing(gain, release):  # type: ignore[no-untyped-def]
    """Instant fall, one-pole rise towards 1."""
    out, state = np.empty_like(gain), 1.0
    for i in range(len(gain)):
        state = min(gain[i], 1.0 + release * (state - 1.0))
        out[i] = state
    return out
