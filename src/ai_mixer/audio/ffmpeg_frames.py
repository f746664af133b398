"""Samples of FFmpeg's audio frames, whose format is that of the decoder."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SUBTYPES = {"u8": "PCM_U8", "s16": "PCM_16", "s32": "PCM_24", "dbl": "DOUBLE"}


def frame_samples(frame: Any) -> NDArray[np.float32]:
    """Samples [n, C] of an `av.AudioFrame`, full scale = 1."""
    array = frame.to_ndarray()
    array = array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, np.float32)
    middle = 128 if array.dtype.kind == "u" else 0
    full_scale = 1 << (8 * array.dtype.itemsize - 1)
    return ((array.astype(np.float64) - middle) / full_scale).astype(np.float32)


def frame_subtype(frame: Any, uncompressed: bool) -> str:
    """The sample format as libsndfile names it; "" for lossy formats, which decode to float."""
    name = frame.format.name.removesuffix("p")
    if name == "flt":
        return "FLOAT" if uncompressed else ""
    return SUBTYPES.get(name, "")
