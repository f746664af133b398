"""Quantisation to 16 bits with dither, so that the error is noise instead of distortion.

Triangular noise with a width of two steps is added before rounding (Lipshitz, Wannamaker &
Vanderkooy, "Quantization and Dither: A Theoretical Survey", JAES 40(5), 1992).
"""

import numpy as np

QUANTIZATION_STEPS = 1 << 15


class Dither:
    """Round a song to 16 bits block by block; deterministic.

    Digital silence stays silent: a block of zeros gets no noise.
    """

    def __init__(self) -> None:
        self._rng = np.random.Generator(np.random.PCG64(0))

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Convert samples [n, C], full scale = 1, to int16."""
        noise = self._rng.random(samples.shape, np.float32)
        noise -= self._rng.random(samples.shape, np.float32)
        scaled = samples * np.float32(QUANTIZATION_STEPS)
        if samples.any():
            scaled += noise
        rounded = np.rint(scaled)
        return np.clip(rounded, -QUANTIZATION_STEPS, QUANTIZATION_STEPS - 1).astype(np.int16)
