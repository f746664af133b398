"""Convolution of whole signals with a long response, by Fourier transforms of overlapping blocks.

Overlap-save: each block is transformed with the samples before it that the response reaches, and
only what is free of wrap-around is kept. On the CPU the transforms are scipy's, which computes four
of equal size at a time; on other devices torch's.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.recursions import FASTMATH_FLAGS, run_on_rows
from ai_mixer.utils.compilation import njit

BLOCKS_PER_TRANSFORM = 8  # limits the memory for long files


def transform_size(taps: int, length: int) -> int:
    """Size of the transforms for a response of `taps` samples and a signal of `length`.

    Even, without large prime factors. The number of blocks is even too: with two channels, all
    transforms are groups of four. Blocks of a long signal are about twice as long as the response.
    """
    from scipy.fft import next_fast_len  # its import takes 0.3 s: only if there is reverberation

    blocks = 2 * max(1, round(length / (4 * taps)))
    samples = taps - 1 - (-length // blocks)
    size: int = 2 * next_fast_len(-(-samples // 2), real=True)
    return size


def convolved_blocks(
    x: Tensor, spectrum: Tensor, taps: int, adjoint: bool = False
) -> Iterator[tuple[slice, Tensor]]:
    """Convolve x [B, input, T]; yields ranges of samples and their values, [B, output, n].

    spectrum: [output, input, size / 2 + 1] of a response of `taps` samples, zero-padded to an even
    size. adjoint: correlate, with the spectrum of the adjoint (`adjoint_spectrum`); the result is
    the gradient to the input. No gradient.
    """
    size, length = 2 * (spectrum.shape[-1] - 1), x.shape[-1]
    block, first = size - taps + 1, 0 if adjoint else taps - 1
    rest = -length % block
    padded = pad(x, (0, taps - 1 + rest) if adjoint else (taps - 1, rest))
    for begin in range(0, length, BLOCKS_PER_TRANSFORM * block):
        part = padded[..., begin : begin + BLOCKS_PER_TRANSFORM * block + taps - 1]
        filtered = apply_spectrum(part.unfold(-1, size, block), spectrum)
        for number in range(filtered.shape[2]):
            start = begin + number * block
            count = min(block, length - start)
            yield slice(start, start + count), filtered[:, :, number, first : first + count]


def adjoint_spectrum(spectrum: Tensor) -> Tensor:
    """Spectrum [input, output, F] of the time-reversed response, inputs and outputs swapped."""
    return spectrum.transpose(0, 1).conj().resolve_conj().contiguous()


def apply_spectrum(blocks: Tensor, spectrum: Tensor) -> Tensor:
    """Convolve blocks [B, input, N, size] circularly; returns [B, output, N, size]."""
    if blocks.device.type != "cpu":
        return _apply_spectrum_by_torch(blocks, spectrum)
    from scipy.fft import irfft, rfft

    size, workers = blocks.shape[-1], torch.get_num_threads()
    spectra, paths = rfft(blocks.numpy(), workers=workers), spectrum.numpy()
    run_on_rows(lambda rows: _multiply_rows(rows, paths), spectra)
    filtered = irfft(spectra, n=size, overwrite_x=True, workers=workers)
    return torch.from_numpy(filtered)


def _apply_spectrum_by_torch(blocks: Tensor, spectrum: Tensor) -> Tensor:
    spectra = torch.fft.rfft(blocks)
    outputs = spectrum[:, 0, None] * spectra[:, None, 0]
    for path in range(1, spectrum.shape[1]):
        outputs.addcmul_(spectrum[:, path, None], spectra[:, None, path])
    return torch.fft.irfft(outputs, n=blocks.shape[-1])


@njit(cache=True, nogil=True)
def _multiply_rows(spectra, paths):  # type: ignore[no-untyped-def]
    """Apply paths [C, C, F] to spectra [B, C, N, F] in place; C: 1 or 2."""
    last = len(paths) - 1
    for song in range(len(spectra)):
        for block in range(spectra.shape[2]):
            if last == 0:
                _multiply(spectra[song, 0, block], paths[0, 0])
            else:
                _multiply_pair(
                    spectra[song, 0, block], spectra[song, last, block], paths[0], paths[last]
                )


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"reassoc", "nsz"})
def _multiply(x, path):  # type: ignore[no-untyped-def]
    for k in range(len(x)):
        x[k] = path[k] * x[k]


@njit(cache=True, nogil=True, fastmath=FASTMATH_FLAGS | {"reassoc", "nsz"})
def _multiply_pair(left, right, to_left, to_right):  # type: ignore[no-untyped-def]
    left_left, left_right, right_left, right_right = (
        to_left[0],
        to_left[1],
        to_right[0],
        to_right[1],
    )
    for k in range(len(left)):
        x, y = left[k], right[k]
        left[k] = left_left[k] * x + left_right[k] * y
        right[k] = right_left[k] * x + right_right[k] * y
