"""Reverb by fast convolution with a synthetic impulse response, equal at all sample rates.

The response is decaying noise, a model of late reverberation (Moorer, "About This Reverberation
Business", Computer Music Journal 3(2), 1979), with a few early reflections. It is computed as one
spectrum, of which each sample rate uses the frequencies below its Nyquist frequency. The noise is
derived from raw 64-bit integers of a fixed generator, so that it does not depend on the version of
NumPy.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.block_convolution import (
    adjoint_spectrum,
    apply_spectrum,
    convolved_blocks,
    transform_size,
)
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.operators import empty_like, holds, operator
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.dsp.wet_mix import Parts, mix_wet, mix_wet_backward, register_wet_mix
from ai_mixer.effects.effect import Effect

DESIGN_RATE_HZ = 48_000  # the response has no content above 24 kHz
BANDS_HZ = 62.5 * 2.0 ** np.arange(9)  # octave bands, each with its own decay time
BUILD_UP_S = 0.03  # duration of the fade-in of the noise
EARLY_S = 0.06  # duration of the early reflections
EARLY_REFLECTIONS = 7  # per path
EARLY_LEVEL = 12.0  # of the first reflection, relative to noise of ±1

Array = np.ndarray[Any, Any]


class Room(NamedTuple):
    """Parameters of the response."""

    decay_s: float
    predelay_ms: float
    damping_hz: float
    low_cut_hz: float
    seed: int


class Reverb(Effect):
    """y = (1 − wet)·x + wet·(h ∗ x), with a response h for each pair of input and output (2 × 2).

    Knob `wet`: 0–1, [B]; 0 is the identity. decay_s: time to −60 dB at low frequencies. damping_hz:
    above it the tail is shorter and attenuated. low_cut_hz: below it the tail is attenuated. h
    keeps the level of pink noise. The result for mono is the left output for the same signal on
    both inputs. ValueError if a parameter is not above 0 (predelay_ms and seed: below 0).
    """

    knob_names: ClassVar[tuple[str, ...]] = ("wet",)

    def __init__(
        self,
        decay_s: float = 1.2,
        predelay_ms: float = 15.0,
        damping_hz: float = 4000.0,
        low_cut_hz: float = 120.0,
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.room = Room(decay_s, predelay_ms, damping_hz, low_cut_hz, seed)
        for name, value in self.room._asdict().items():
            if value < 0 or (value == 0 and name not in {"predelay_ms", "seed"}):
                raise ValueError(f"{name} must be above 0, got {value}")

    def forward(self, x: Tensor, sample_rate: int, *, wet: Tensor) -> Tensor:  # type: ignore[override]
        """x: [B, C, T], mono or stereo; wet: [B], 0–1. Returns [B, C, T]."""
        if not wet.requires_grad and holds(~wet.any()):
            return x
        y: Tensor = _add_room(x, wet.to(x.dtype), self.room, sample_rate)
        return y

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.CONVOLVE, Formula.VALUE, ("wet",), (), self._response)

    @torch.no_grad()
    def render_blocks(  # type: ignore[override]
        self, blocks: Iterable[Tensor], sample_rate: int, *, wet: Tensor
    ) -> Iterator[Tensor]:
        """Process a song in blocks [C, n] by overlap-add; wet: [1]. Yields blocks [C, n]."""
        taps = impulse_response(self.room, sample_rate).shape[-1]
        size = transform_size(taps, 2 * taps)
        block, tail = size - taps + 1, torch.zeros(1, taps - 1)
        for x in _regroup(blocks, 2 * block):  # two: see `transform_size`
            spectrum = response_spectrum(self.room, sample_rate, size, len(x), x.dtype)
            pairs = pad(x, (0, 2 * block - x.shape[-1])).view(1, len(x), 2, block)
            first, second = apply_spectrum(pad(pairs, (0, taps - 1)), spectrum)[0].unbind(1)
            reverb = pad(first, (0, block))
            reverb[:, block:] += second
            reverb[:, : taps - 1] += tail
            tail = reverb[:, x.shape[-1] :][:, : taps - 1]
            yield torch.lerp(x, reverb[:, : x.shape[-1]], wet.to(x))

    def _response(self, sample_rate: int, channels: int) -> Array:
        return _select_channels(impulse_response(self.room, sample_rate), channels).numpy()


def _select_channels(paths: Tensor, channels: int) -> Tensor:
    """Reduce [output, input, …] to mono if there is one channel: both inputs to the left output."""
    return paths if channels > 1 else paths.sum(dim=1, keepdim=True)[:1]


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # the cached result may be used in training later
def response_spectrum(
    room: Room,
    sample_rate: int,
    size: int,
    channels: int,
    dtype: torch.dtype,
    transposed: bool = False,
) -> Tensor:
    """Spectrum [output, input, F] of a transform size; transposed: of the adjoint convolution."""
    paths = _select_channels(impulse_response(room, sample_rate), channels)
    spectrum = torch.fft.rfft(paths, n=size).to(dtype.to_complex())
    return adjoint_spectrum(spectrum) if transposed else spectrum


def _regroup(blocks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Divide a song in blocks [C, n] into blocks [C, size] and a shorter last one."""
    parts: list[Tensor] = []
    for block in blocks:
        parts.append(block)
        while sum(part.shape[-1] for part in parts) >= size:
            joined = torch.cat(parts, dim=-1)
            yield joined[:, :size]
            parts = [joined[:, size:]]
    if any(part.shape[-1] for part in parts):
        yield torch.cat(parts, dim=-1)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # the cached result may be used in training later
def impulse_response(room: Room, sample_rate: int) -> Tensor:
    """Impulse response [output, input, T] float64, from the direct sound to −60 dB."""
    spectrum, seconds = room_spectrum(room)
    samples = sample_rate * seconds
    response = np.fft.irfft(spectrum[..., : samples // 2 + 1], n=samples)
    length = round((room.predelay_ms / 1000 + room.decay_s) * sample_rate)
    return torch.from_numpy(response[..., :length].copy())


@lru_cache(maxsize=4)
def room_spectrum(room: Room) -> tuple[Array, int]:
    """Transfer functions [output, input, F], spaced 1 / duration, and the duration in seconds."""
    predelay_s = room.predelay_ms / 1000
    seconds = math.ceil(predelay_s + room.decay_s + 0.1)
    time_s = np.arange(seconds * DESIGN_RATE_HZ) / DESIGN_RATE_HZ - predelay_s
    frequency_hz = np.fft.rfftfreq(len(time_s), 1 / DESIGN_RATE_HZ)
    excitation = np.fft.rfft(_excitation(time_s, room.seed))
    response = np.zeros((2, 2, len(time_s)))
    octave = np.log2(frequency_hz.clip(1) / BANDS_HZ[0])
    for index, decay_s in enumerate(room.decay_s / np.hypot(1, BANDS_HZ / room.damping_hz)):
        # Triangular weights over octaves that add up to 1; the outer bands extend to the ends.
        share = (1 - abs(octave.clip(0, len(BANDS_HZ) - 1) - index)).clip(0)
        band = np.fft.irfft(excitation * share, n=len(time_s))
        response += band * 10 ** (-3 * time_s.clip(0) / decay_s)
    fade = ((predelay_s + room.decay_s - (time_s + predelay_s)) / (0.1 * room.decay_s)).clip(0, 1)
    spectrum = np.fft.rfft(response * fade * (time_s >= 0))
    spectrum /= 1 + (room.low_cut_hz / frequency_hz.clip(1)) ** 2
    spectrum /= np.hypot(1, frequency_hz / (2 * room.damping_hz))  # damping of walls and air
    pink = np.where((frequency_hz > 50) & (frequency_hz < 16_000), 1 / frequency_hz.clip(1), 0)
    power = (abs(spectrum) ** 2).sum(axis=1).mean(axis=0)
    return spectrum / math.sqrt((power * pink).sum() / pink.sum()), seconds


def _excitation(time_s: Array, seed: int) -> Array:
    """Excitation [output, input, T]: early reflections, then dense noise."""
    integers = np.random.PCG64(seed).random_raw(4 * len(time_s)) >> np.uint64(11)
    noise = (integers / 2.0**52 - 1).reshape(2, 2, -1)  # uniform on ±1
    build_up = (time_s / BUILD_UP_S).clip(0, 1)
    excitation = noise * build_up
    onset = int(np.searchsorted(time_s, 0))
    for path, random in zip(excitation.reshape(4, -1), noise.reshape(4, -1), strict=True):
        # One reflection at a random time in each of equal intervals, with decreasing level.
        for index in range(EARLY_REFLECTIONS):
            delay_s = EARLY_S * (index + (1 + random[2 * index]) / 2) / EARLY_REFLECTIONS
            sign = math.copysign(1, random[2 * index + 1])
            path[onset + round(delay_s * DESIGN_RATE_HZ)] += sign * EARLY_LEVEL / (1 + index)
    return excitation


@operator(empty_like(0), devices=None)
def _convolve_room(x: Tensor, room: Sequence[float], sample_rate: int, transposed: bool) -> Tensor:
    """The convolution h ∗ x, cut to x's length, or its transpose.

    The response is not an argument, because a tracer would compute it again for each call.
    """
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    for part, reverb in _room_blocks(x, room, sample_rate, transposed):
        y[..., part] = reverb
    return y


@operator(empty_like(0), n_batched=2, devices=None)
def _add_room(x: Tensor, wet: Tensor, room: Sequence[float], sample_rate: int) -> Tensor:
    return mix_wet(x, wet, _room_blocks(x, room, sample_rate, False))


@operator(empty_like(1, 2), n_batched=3, devices=None)
def _add_room_backward(
    grad: Tensor, x: Tensor, wet: Tensor, room: Sequence[float], sample_rate: int
) -> tuple[Tensor, Tensor]:
    return mix_wet_backward(grad, x, wet, _room_blocks(grad, room, sample_rate, True))


register_wet_mix(_add_room, _add_room_backward, _convolve_room)


def _room_blocks(x: Tensor, room: Sequence[float], sample_rate: int, transposed: bool) -> Parts:
    key = Room._make(room)._replace(seed=int(room[-1]))
    taps = impulse_response(key, sample_rate).shape[-1]
    size = transform_size(taps, x.shape[-1])
    spectrum = response_spectrum(key, sample_rate, size, x.shape[1], x.dtype, transposed)
    return convolved_blocks(x, spectrum.to(x.device), taps, transposed)
