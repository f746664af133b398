"""Profile of a sound for the detectors: the common profile, contrasts, and level changes.

What finished songs have in common is larger in these than in mean levels: a cut or a peak is there
in every frame, whatever is played, and a compressor changes how fast the level can move.
"""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.spectra import (
    band_power,
    mid_side,
    power_to_db,
    short_time_power,
    third_octave_centres,
    third_octave_frames,
)
from ai_mixer.metrics.sound_profile import FRAME_S, WIDE_BANDS_HZ, profile, profile_names

RATE_HZ = 44_100  # of the profiles of the detectors: songs of all rates are comparable
QUIET_FRAMES = 0.3  # share of the frames that is not used for the contrast
CONTRAST_SHARE = 0.1  # quantile over the others
NEIGHBOURS, NEAREST = 5, 1  # thirds of an octave on each side; the nearest are not counted
STEP_S = 0.01
SCALES = (1, 2, 4, 8, 16, 32, 64, 128)  # steps
WINDOW_S = 512 / 44100
FLOOR_DB = -60.0  # relative to the mean power
MAX_SPREAD_DB = 20.0


def fault_profile(x: Tensor, sample_rate: int) -> Tensor:
    """Compute the profile of excerpts for the detectors: [B, C, T] → [B, F], dB.

    `metrics.sound_profile.profile`, then for each third of an octave its contrast: level over that
    of its neighbours, low quantile of the loud frames. Then for windows of 10 ms to 1.3 s, of the
    whole band and of four wide ones: standard deviation of the level, and mean difference of
    successive windows. Independent of the level.
    """
    both = mid_side(x)
    short = round(2 * FRAME_S * sample_rate) - x.shape[-1]
    both = pad(both, (0, short)) if short > 0 else both
    parts = [profile(x, sample_rate), _contrast_db(both, sample_rate)]
    return torch.cat([*parts, _level_changes_db(both, sample_rate)], 1)


@lru_cache(maxsize=8)
def fault_profile_names(sample_rate: int) -> tuple[str, ...]:
    """Names of the values of `fault_profile`; the first word is that of its part."""
    contrast = [f"contrast_{centre:.0f}hz" for centre in third_octave_centres(sample_rate)]
    bands = ("all", *(f"{low:.0f}hz" for low in WIDE_BANDS_HZ[:-1]))
    changes = [
        f"{name}_{round(1000 * STEP_S * scale)}ms_{band}"
        for scale in SCALES
        for name in ("spread", "step")
        for band in bands
    ]
    return (*profile_names(sample_rate), *contrast, *changes)


def neighbour_contrast_db(level_db: Tensor, neighbours: int, nearest: int) -> Tensor:
    """Level of each band over the mean of those around it, without the nearest: [..., bands]."""
    rows = pad(level_db.reshape(-1, 1, level_db.shape[-1]), (neighbours, neighbours), "replicate")
    counted = torch.arange(-neighbours, neighbours + 1).abs() > nearest
    around = rows[:, 0].unfold(1, 2 * neighbours + 1, 1)[..., counted].mean(-1)
    return level_db - around.reshape(level_db.shape)


def _contrast_db(both: Tensor, sample_rate: int) -> Tensor:
    """[B, 2, T] → [B, bands]."""
    frames = third_octave_frames(both, sample_rate, FRAME_S).sum(1)
    power = frames.sum(-1)
    contrast = neighbour_contrast_db(power_to_db(frames), NEIGHBOURS, NEAREST)
    loud = power >= power.quantile(QUIET_FRAMES, 1, keepdim=True)
    contrast = torch.where(loud[..., None], contrast, torch.nan)
    return contrast.nanquantile(CONTRAST_SHARE, 1)


def _level_changes_db(both: Tensor, sample_rate: int) -> Tensor:
    """[B, 2, T] → [B, scales · 2 · bands]."""
    size = 2 ** round(torch.tensor(WINDOW_S * sample_rate).log2().item())
    window = torch.hann_window(size, dtype=both.dtype, device=both.device)
    power = short_time_power(both, window, size, round(STEP_S * sample_rate)).sum(1)
    wide = band_power(power, sample_rate, WIDE_BANDS_HZ)
    bands = torch.cat([power.sum(-1, keepdim=True), wide], -1).double()
    mean = bands.mean(1, keepdim=True).clamp_min(1e-12)
    total = pad((bands / mean + 10 ** (FLOOR_DB / 10)).cumsum(1), (0, 0, 1, 0))
    parts = []
    for scale in SCALES:
        n = max(1, min(scale, bands.shape[1] // 4))  # a short excerpt has no long windows
        levels = 10 * ((total[:, n:] - total[:, :-n]) / n).log10()
        parts.append(levels.std(1).clamp_max(MAX_SPREAD_DB))
        parts.append((levels[:, n:] - levels[:, :-n]).abs().mean(1))
    return torch.cat(parts, 1).to(both.dtype)
