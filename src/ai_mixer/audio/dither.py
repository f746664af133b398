"""Samples rounded to 16 bits with dither: the error is hiss, not distortion.

Triangular noise of two steps, added before rounding (Lipshitz, Wannamaker & Vanderkooy,
"Quantization and Dither: A Theoretical Survey", JAES 40(5), 1992).
"""

import numpy as np

QUANTIZATION_STEPS = 1 << 15


class Dither:
    """Rounds a song to 16 bits, block by block; the same song gives the same samples.

    Digital silence stays silent: a block without any sound gets no hiss.
    """

    def __init__(self) -> None:
        self._rng = np.random.Generator(np.random.PCG64(0))

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """[n, C] floats, full scale = 1 → int16."""
        noise = self._rng.random(samples.shape, np.float32)
        noise -= self._rng.random(samples.shape, np.float32)
        scaled = samples * np.float32(QUANTIZATION_STEPS)
        if samples.any():
            scaled += noise
        return np.clip(np.rint(scaled), -QUANTIZATION_STEPS, QUANTIZATION_STEPS - 1).astype(
            np.int16
        )
