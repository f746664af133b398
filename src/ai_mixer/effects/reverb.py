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

from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.operators import empty_like, holds, operator
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel
from ai_mixer.effects.effect import Effect

DESIGN_RATE_HZ = 48_000  # the response has no content above 24 kHz
BANDS_HZ = 62.5 * 2.0 ** np.arange(9)  # octave bands, each with its own decay time
BUILD_UP_S = 0.03  # duration of the fade-in of the noise
EARLY_S = 0.06  # duration of the early reflections
EARLY_REFLECTIONS = 7  # per path
EARLY_LEVEL = 12.0  # of the first reflection, relative to noise of ±1
BLOCKS_PER_TRANSFORM = 8  # limits the memory for long files

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
        reverb = _convolve_room(x, self.room, sample_rate, False)
        return torch.lerp(x, reverb, wet.to(x.dtype)[:, None, None])

    def streaming_kernel(self) -> StreamingKernel:
        """The effect as a step of a streaming chain."""
        return StreamingKernel(KernelKind.CONVOLVE, Formula.VALUE, ("wet",), (), self._response)

    @torch.no_grad()
    def render_blocks(  # type: ignore[override]
        self, blocks: Iterable[Tensor], sample_rate: int, *, wet: Tensor
    ) -> Iterator[Tensor]:
        """Process a song in blocks [C, n] by overlap-add; wet: [1]. Yields blocks [C, n]."""
        taps = impulse_response(self.room, sample_rate).shape[-1]
        tail: Tensor | None = None
        for x in _regroup(blocks, _transform_size(taps, taps) - taps + 1):
            spectrum, _ = response_spectrum(self.room, sample_rate, x.shape[-1], x.dtype)
            size = 2 * (spectrum.shape[-1] - 1)
            products = _apply_spectrum(
                _select_channels(spectrum, len(x)), torch.fft.rfft(x[None, :, None], n=size)
            )
            reverb = torch.fft.irfft(products, n=size)[0, :, 0]
            if tail is not None:
                reverb[:, : taps - 1] += tail
            tail = reverb[:, x.shape[-1] :][:, : taps - 1]
            yield torch.lerp(x, reverb[:, : x.shape[-1]], wet.to(x))

    def _response(self, sample_rate: int, channels: int) -> Array:
        return _select_channels(impulse_response(self.room, sample_rate), channels).numpy()


def _select_channels(paths: Tensor, channels: int) -> Tensor:
    """Reduce [output, input, …] to mono if there is one channel: both inputs to the left output."""
    return paths if channels > 1 else paths.sum(dim=1, keepdim=True)[:1]


def response_spectrum(
    room: Room, sample_rate: int, length: int, dtype: torch.dtype
) -> tuple[Tensor, int]:
    """Spectrum [output, input, F] for audio of a length in samples, and the taps of the response.

    The transform size is a power of two, at most about twice the taps, so that it fits the caches.
    """
    taps = impulse_response(room, sample_rate).shape[-1]
    return _spectrum_of_size(room, sample_rate, _transform_size(taps, length), dtype), taps


def _transform_size(taps: int, length: int) -> int:
    return 1 << (min(2 * taps, taps + length) - 1).bit_length()


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
def _spectrum_of_size(room: Room, sample_rate: int, size: int, dtype: torch.dtype) -> Tensor:
    return torch.fft.rfft(impulse_response(room, sample_rate), n=size).to(dtype.to_complex())


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
    """The convolution h ∗ x, cut to x's length. transposed: with inputs and outputs of h swapped.

    The response is not an argument, because a tracer would compute it again for each call.
    """
    key = Room._make(room)._replace(seed=int(room[-1]))
    spectrum, taps = response_spectrum(key, sample_rate, x.shape[-1], x.dtype)
    spectrum = _select_channels(spectrum, x.shape[1]).to(x.device)
    return _convolve(x, spectrum.transpose(0, 1) if transposed else spectrum, taps)


def _convolution_gradient(
    _: Sequence[Tensor], constants: Sequence[Any], grad: Tensor
) -> tuple[Tensor]:
    """Time-reversed, with inputs and outputs swapped."""
    room, sample_rate, transposed = constants
    return (_convolve_room(grad.flip(-1), room, sample_rate, not transposed).flip(-1),)


_convolve_room.register_gradient(_convolution_gradient, save=lambda *_: ())


def _convolve(x: Tensor, spectrum: Tensor, taps: int) -> Tensor:
    """Overlap-save convolution of x [B, input, T] in blocks, each with its preceding samples."""
    size, length = 2 * (spectrum.shape[-1] - 1), x.shape[-1]  # size is even
    block = size - taps + 1
    before = pad(x, (taps - 1, -length % block))
    y = x.new_empty(x.shape[0], spectrum.shape[0], before.shape[-1] - taps + 1)
    for start in range(0, length, BLOCKS_PER_TRANSFORM * block):
        part = before[..., start : start + BLOCKS_PER_TRANSFORM * block + taps - 1]
        blocks = torch.fft.rfft(part.unfold(-1, size, block))
        wet = torch.fft.irfft(_apply_spectrum(spectrum, blocks), n=size)[..., taps - 1 :]
        y[..., start : start + BLOCKS_PER_TRANSFORM * block] = wet.flatten(-2)
    return y[..., :length]


def _apply_spectrum(spectrum: Tensor, blocks: Tensor) -> Tensor:
    """Apply all paths to blocks [B, input, blocks, F]; returns [B, output, blocks, F]."""
    outputs = spectrum[:, 0, None] * blocks[:, None, 0]
    for path in range(1, spectrum.shape[1]):
        outputs.addcmul_(spectrum[:, path, None], blocks[:, None, path])
    return outputs
