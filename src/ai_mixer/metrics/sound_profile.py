"""Profile of a sound: spectrum, width and dynamics of an excerpt, independent of its level.

All values are in dB: an equaliser, a width change or a gain adds a constant to some of them.
"""

from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from ai_mixer.dsp.levels import crest_db
from ai_mixer.dsp.spectra import (
    band_power,
    mid_side,
    power_to_db,
    short_time_power,
    third_octave_centres,
    third_octave_frames,
)

FRAME_S = 8192 / 44100  # of the spectrum and of the range
SHORT_FRAME_S = 512 / 44100  # of the crest factors
WIDE_BANDS_HZ = (28.0, 180.0, 1400.0, 5600.0, 17_800.0)
MIN_SHARE_DB = -70.0  # of a third of an octave in the power of all
WIDTH_LIMITS_DB = (-30.0, 12.0)  # of the side over the mid
MAX_RANGE_DB = 60.0
SILENCE_POWER = 1e-12


def profile(x: Tensor, sample_rate: int) -> Tensor:
    """Compute the profile of excerpts: [B, C, T], mono or stereo → [B, F], dB.

    In order, as `profile_names` has them: level of each third of an octave, mid and side together,
    over the level of all; side over mid of each third of an octave; crest, range and quiet level of
    four wide bands; crest of the samples. Silence gives a finite profile of no meaning.
    """
    both = mid_side(x)
    frames = third_octave_frames(_padded(both, sample_rate), sample_rate, FRAME_S)
    mid, side = frames.mean(2).unbind(1)
    level_db = _db(mid + side) - _db((mid + side).sum(-1, keepdim=True))
    width_db = _db(side) - _db(mid)
    dynamics = _range_and_quiet_level(frames.sum(1), sample_rate)
    parts = [
        level_db.clamp_min(MIN_SHARE_DB),
        width_db.clamp(*WIDTH_LIMITS_DB),
        _crest_by_band(both, sample_rate),
        dynamics,
        crest_db(x)[:, None],
    ]
    return torch.cat(parts, 1)


@lru_cache(maxsize=8)
def profile_names(sample_rate: int) -> tuple[str, ...]:
    """Names of the values of `profile`, such as `level_1000hz` and `width_1000hz`."""
    centres = [f"{centre:.0f}hz" for centre in third_octave_centres(sample_rate)]
    edges = [f"{low:.0f}_{high:.0f}hz" for low, high in _wide_bands()]
    groups = [("level", centres), ("width", centres)]
    groups += [(name, edges) for name in ("crest", "range", "quiet")]
    return (*(f"{name}_{band}" for name, bands in groups for band in bands), "crest")


def _padded(x: Tensor, sample_rate: int) -> Tensor:
    """Append silence to an excerpt that is shorter than two frames."""
    missing = round(2 * FRAME_S * sample_rate) - x.shape[-1]
    return torch.nn.functional.pad(x, (0, missing)) if missing > 0 else x


def _db(power: Tensor) -> Tensor:
    return 10.0 * power.clamp_min(SILENCE_POWER).log10()


def _wide_bands() -> list[tuple[float, float]]:
    return list(pairwise(WIDE_BANDS_HZ))


def _crest_by_band(both: Tensor, sample_rate: int) -> Tensor:
    """Power of the loudest hundredth of the short frames over the mean: [B, 2, T] → [B, 4]."""
    size = 2 ** round(torch.tensor(SHORT_FRAME_S * sample_rate).log2().item())
    window = torch.hann_window(size, dtype=both.dtype, device=both.device)
    power = short_time_power(_padded(both, sample_rate), window, size, size).sum(1)
    bands = band_power(power, sample_rate, WIDE_BANDS_HZ)
    return _db(bands.quantile(0.99, 1)) - _db(bands.mean(1))


def _range_and_quiet_level(frames: Tensor, sample_rate: int) -> Tensor:
    """Range and quiet level of the wide bands: [B, frames, bands] → [B, 8].

    Range: 90th over 10th percentile of the frames. Quiet level: 5th percentile over the mean.
    """
    centres = torch.tensor(third_octave_centres(sample_rate))
    bands = torch.stack(
        [frames[..., (centres >= low) & (centres < high)].sum(-1) for low, high in _wide_bands()],
        -1,
    )
    levels_db = power_to_db(bands)
    low, high = (levels_db.quantile(share, 1) for share in (0.1, 0.9))
    quiet = levels_db.quantile(0.05, 1) - _db(bands.mean(1))
    return torch.cat([(high - low).clamp_max(MAX_RANGE_DB), quiet.clamp_min(-MAX_RANGE_DB)], 1)
