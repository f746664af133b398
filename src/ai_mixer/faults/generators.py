"""Damage of a given severity: audio [C, T] with one fault added. For tests and for training.

Each function takes (audio, sample_rate, severity) and returns [C, T]; the unit of the severity is
that of the fault (`faults.registry`). The level is kept where the fault is not one of the level.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ai_mixer.augment.bandwidth import Bandwidth
from ai_mixer.augment.clipping import Clipping
from ai_mixer.augment.dynamics import Dynamics, DynamicsParameters
from ai_mixer.augment.filtering import apply_frequency_response, match_rms
from ai_mixer.augment.noise import Noise, NoiseParameters
from ai_mixer.dsp import filters
from ai_mixer.dsp.recursions import biquad

Generator = Callable[[Tensor, int, float], Tensor]
EXPANSION_WINDOW_S = 0.4
COMPRESSION_WINDOW_S = 0.03
DYNAMICS_PASSES = 3
LOW_END_HZ = 120.0
CLICK_S = 2.0  # mean distance of clicks


def peak(frequency_hz: float, q: float, sign: float = 1.0) -> Generator:
    """Peak or cut of `severity` dB at a frequency."""

    def generate(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
        gain_db = torch.tensor([sign * severity])
        design = filters.peak(gain_db, frequency_hz, q, sample_rate)
        return match_rms(biquad(audio[None], *design)[0], audio)

    return generate


def shelf(kind: str, frequency_hz: float, sign: float) -> Generator:
    """Low or high shelf of `severity` dB."""
    design = filters.low_shelf if kind == "low" else filters.high_shelf

    def generate(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
        gain_db = torch.tensor([sign * severity])
        coefficients = design(gain_db, frequency_hz, 1.0, sample_rate)
        return match_rms(biquad(audio[None], *coefficients)[0], audio)

    return generate


def resonance(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Narrow peak (Q 8) of `severity` dB; its frequency, 0.8–5 kHz, depends on the audio."""
    frequency_hz = 800.0 * 6.0 ** _fraction(audio)
    return peak(frequency_hz, 8.0)(audio, sample_rate, severity)


def side_gain(sign: float) -> Generator:
    """Side louder or quieter by `severity` dB."""

    def generate(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
        mid, side = _mid_side(audio)
        return _left_right(mid, side * 10 ** (sign * severity / 20))

    return generate


def low_end_out_of_phase(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Phase difference of `severity` degrees between the channels below 120 Hz."""

    def share(hz: Tensor) -> Tensor:
        return 1.0 / (1.0 + (hz / LOW_END_HZ) ** 8)

    return _rotate(audio, sample_rate, lambda hz: math.radians(severity) * share(hz))


def mono_loss(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Phase difference between the channels that costs the mid `severity` dB."""
    angle = 2 * math.acos(10 ** (-severity / 20))
    return _rotate(audio, sample_rate, lambda hz: angle * torch.ones_like(hz))


def dead_channel(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Right channel quieter by `severity` dB."""
    return torch.stack([audio[0], audio[-1] * 10 ** (-severity / 20)])


def inverted_channel(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Right channel with opposite polarity. severity: not used."""
    return torch.stack([audio[0], -audio[-1]])


def swapped_channels(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Left and right exchanged. severity: not used."""
    return audio.flip(0)


def dc_offset(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Offset of `severity` percent of full scale."""
    return audio + severity / 100


def hum(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Mains hum at 50 Hz with harmonics, RMS `severity` dBFS."""
    time_s = torch.arange(audio.shape[-1], dtype=torch.float64) / sample_rate
    lines = sum(
        gain * torch.sin(2 * math.pi * 50 * n * time_s)
        for n, gain in ((1, 1.0), (2, 0.5), (3, 0.7))
    )
    assert isinstance(lines, Tensor)
    return audio + (10 ** (severity / 20) * lines / lines.square().mean().sqrt()).to(audio)


def clicks(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """A click of one sample every two seconds, `severity` dB below the peak of the audio."""
    count = max(3, round(audio.shape[-1] / sample_rate / CLICK_S))
    generator = torch.Generator().manual_seed(round(1e6 * _fraction(audio)))
    places = torch.randint(audio.shape[-1], (count,), generator=generator)
    signs = 2.0 * torch.randint(2, (count,), generator=generator) - 1.0
    damaged = audio.clone()
    damaged[:, places] += signs.to(audio) * audio.abs().max() * 10 ** (-severity / 20)
    return damaged


def hard_clipping(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Samples clipped `severity` dB below the peak, then at the peak's level."""
    clipped = Clipping().process(audio, sample_rate, severity)
    return clipped * (audio.abs().max() / clipped.abs().max().clamp_min(1e-9))


def soft_clipping(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Hyperbolic tangent after a gain of `severity` dB over a peak of 1."""
    peak_level = audio.abs().max().clamp_min(1e-9)
    driven = torch.tanh(audio / peak_level * 10 ** (severity / 20))
    return driven * (peak_level / driven.abs().max().clamp_min(1e-9))


def inter_sample_clipping(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Gain of `severity` dB over full scale, clipped at full scale: the true peak is above it."""
    driven = audio / audio.abs().max().clamp_min(1e-9) * 10 ** (severity / 20)
    return driven.clamp(-1.0, 1.0)


def over_compression(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """`severity` percent of the level differences removed, by a fast compressor."""
    return _scale_levels(audio, sample_rate, 1.0 - severity / 100, COMPRESSION_WINDOW_S)


def expansion(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Level differences larger by `severity` percent."""
    return _scale_levels(audio, sample_rate, 1.0 + severity / 100, EXPANSION_WINDOW_S)


def noise(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """White noise, `severity` dB relative to the RMS of the audio."""
    parameters = NoiseParameters(-severity, 0.0, round(1e6 * _fraction(audio)))
    return Noise().process(audio, sample_rate, parameters)


def band_limit(audio: Tensor, sample_rate: int, severity: float) -> Tensor:
    """Nothing above `severity` kHz."""
    return Bandwidth().process(audio, sample_rate, 2000 * severity)


def _scale_levels(audio: Tensor, sample_rate: int, factor: float, window_s: float) -> Tensor:
    """Level differences in dB times a factor, in several passes of `Dynamics` (at most 9 dB)."""
    slope = factor ** (1.0 / DYNAMICS_PASSES) - 1.0
    for _ in range(DYNAMICS_PASSES):
        audio = Dynamics().process(audio, sample_rate, DynamicsParameters(slope, window_s))
    return audio


def _rotate(audio: Tensor, sample_rate: int, angle: Callable[[Tensor], Tensor]) -> Tensor:
    """Phase difference between the channels, half of it in each."""

    def turn(channel: Tensor, sign: float) -> Tensor:
        return apply_frequency_response(
            channel, sample_rate, lambda hz: torch.polar(torch.ones_like(hz), sign * angle(hz) / 2)
        )

    return torch.stack([turn(audio[0], 1.0), turn(audio[-1], -1.0)])


def _mid_side(audio: Tensor) -> tuple[Tensor, Tensor]:
    return (audio[0] + audio[-1]) / 2, (audio[0] - audio[-1]) / 2


def _left_right(mid: Tensor, side: Tensor) -> Tensor:
    return torch.stack([mid + side, mid - side])


def _fraction(audio: Tensor) -> float:
    """A number in 0–1 that depends on the audio and looks random."""
    return float((audio.double().abs().sum() * 1e3) % 1.0)
