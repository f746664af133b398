"""Features of the sound of a track, from which its role is predicted.

Long-term spectrum and its movement in 24 bands, onsets, dynamics, width, and periodicity: how high
the fundamental is, how clear and how stable. None depends on the level of the track.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.spectra import mid_side, short_time_power
from ai_mixer.utils.torchaudio_shim import torchaudio

RATE = 22_050
N_FFT, HOP = 2048, 512
BANDS = 24
LOWEST_HZ = 30.0
HEARD_DB = 40.0  # frames this far below the loudest are not heard
QUANTILES = (0.1, 0.5, 0.9)
PITCH_HZ = (40.0, 1000.0)
FLOOR = 1e-10
N_FEATURES = 3 * BANDS + 6 + 3 * len(QUANTILES)


def role_features(audio: Tensor) -> Tensor | None:
    """Features [N_FEATURES] of a track [2, T] at RATE; None where nothing is heard."""
    if audio.shape[-1] < N_FFT or audio.abs().amax() < 1e-4:
        return None
    mid, side = mid_side((audio / audio.abs().amax())[None])[0]
    if side.square().mean() > mid.square().mean():  # channels of opposite polarity
        mid, side = side, mid
    window = torch.hann_window(N_FFT)
    power = short_time_power(pad(mid, (0, N_FFT)), window, N_FFT, HOP)  # [frames, F]
    bands = power @ _filters()
    level_db = 10.0 * (bands + FLOOR).log10()
    frames_db = 10.0 * (power.sum(-1) + FLOOR).log10()
    heard = frames_db > frames_db.amax() - HEARD_DB
    if heard.sum() < 2:
        return None
    tone = 10.0 * (bands[heard].mean(0) + FLOOR).log10()
    rises = level_db.diff(dim=0).clamp_min(0.0)
    onset = rises.mean(-1)
    energy = mid.square().mean() + FLOOR
    crest_db = 20.0 * mid.abs().amax().log10() - 10.0 * energy.log10()
    width_db = 10.0 * ((side.square().mean() + FLOOR) / energy).log10()
    flatness = (power[heard] + FLOOR).log().mean(-1) - (power[heard].mean(-1) + FLOOR).log()
    pitch, clarity = _periodicity(power[heard])
    quantiles = torch.tensor(QUANTILES)
    single = [
        crest_db / 10.0,
        width_db / 20.0,
        heard.float().mean(),
        (onset > 6.0).float().mean() * 10.0,  # share of frames with an onset
        onset[onset > 6.0].mean() / 10.0 if (onset > 6.0).any() else onset.new_zeros(()),
        pitch.diff().abs().median() if len(pitch) > 1 else pitch.new_zeros(()),
    ]
    parts = [
        (tone - tone.mean()) / 20.0,
        level_db[heard].std(0) / 10.0,
        rises.mean(0) / 3.0,
        torch.stack(single),
        pitch.quantile(quantiles),
        clarity.quantile(quantiles),
        flatness.quantile(quantiles) / 5.0,
    ]
    return torch.cat(parts)


def _periodicity(power: Tensor) -> tuple[Tensor, Tensor]:
    """Octaves of the fundamental over 40 Hz and its clarity, 0–1, per frame [frames, F].

    The highest value of the autocorrelation of a frame, from its compressed power spectrum, which
    gives the harmonics more weight.
    """
    correlation = torch.fft.irfft(power.sqrt(), dim=-1)
    shortest, longest = (round(RATE / hertz) for hertz in PITCH_HZ[::-1])
    inside = correlation[:, shortest:longest]
    clarity, lag = (inside / correlation[:, :1].clamp_min(FLOOR)).max(-1)
    hertz = RATE / (lag + shortest).float()
    return (hertz / PITCH_HZ[0]).log2(), clarity.clamp(0.0, 1.0)


def _filters() -> Tensor:
    """Mel filters [F, BANDS] with unit sum."""
    filters = torchaudio.functional.melscale_fbanks(
        N_FFT // 2 + 1, LOWEST_HZ, RATE / 2, BANDS, RATE, norm=None
    )
    return torch.as_tensor(filters / filters.sum(0).clamp_min(FLOOR) / math.sqrt(N_FFT))
