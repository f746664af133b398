"""The inverse transform of any length equals NumPy's."""

import numpy as np
import pytest

from ai_mixer.dsp.chirp_transform import add_inverse_transform, chirp_work_size, init_chirp


def inverse_transform(spectrum, length, taps):
    """Start of the inverse transform of spectrum, [bins] complex."""
    pairs = np.stack([spectrum.real, spectrum.imag], axis=1)
    bins = min(len(spectrum), length // 2 + 1)
    work, out = np.empty(chirp_work_size(bins, taps)), np.zeros(taps, np.float32)
    init_chirp(work, length, bins, taps)
    add_inverse_transform(pairs, length, out, work)
    add_inverse_transform(pairs, length, out, work)  # the work space can be used again
    return out / 2


@pytest.mark.parametrize(
    ("bins", "length", "taps"),
    [
        (501, 1000, 1000),
        (501, 1000, 17),
        (300, 1000, 900),
        (501, 997, 997),
        (501, 222, 100),
        (1, 8, 8),
    ],
)
def test_equals_numpy_for_any_length(bins, length, taps):
    random = np.random.default_rng(bins * length)
    spectrum = random.standard_normal(bins) + 1j * random.standard_normal(bins)
    expected = np.fft.irfft(spectrum[: length // 2 + 1], n=length)[:taps]
    result = inverse_transform(spectrum, length, taps)
    assert np.abs(result - expected).max() < 1e-6 * np.abs(expected).max()


def test_is_exact_for_the_length_of_a_room_at_192_khz():
    bins, length, taps = 48_001, 384_000, 233_280
    random = np.random.default_rng(0)
    spectrum = random.standard_normal(bins) + 1j * random.standard_normal(bins)
    expected = np.fft.irfft(spectrum, n=length)[:taps]
    result = inverse_transform(spectrum, length, taps)
    assert np.abs(result - expected).max() < 1e-6 * np.abs(expected).max()
