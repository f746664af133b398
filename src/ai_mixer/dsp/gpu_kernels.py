"""CUDA kernels: the functions of one row of the CPU's kernels, one thread per row.

Imported at the first use on a GPU: it needs `numba-cuda` (`pip install "ai-mixer[gpu]"`), or
numba's simulator (NUMBA_ENABLE_CUDASIM=1, NUMBA_DISABLE_JIT=1), which runs them on arrays of the
CPU.
"""

from importlib import import_module
from typing import Any

import numba
import torch
from torch import Tensor

from ai_mixer.dsp.compressor import gain_backward_row, gain_row
from ai_mixer.dsp.dynamics import settings_backward_row
from ai_mixer.dsp.feedback_delay import feedback_delay_backward_row, feedback_delay_row
from ai_mixer.dsp.feedback_network import network_backward_row, network_row
from ai_mixer.dsp.gain_reduction_bank import average_row
from ai_mixer.dsp.inverse_compressor import inverse_gain_row
from ai_mixer.dsp.lookahead import advance_row, lookahead_backward_row
from ai_mixer.dsp.one_pole import attack_release_backward_row, attack_release_row, one_pole_row
from ai_mixer.dsp.recursions import biquad_row

cuda: Any = import_module("numba.cuda")  # without the types, which numba and numba-cuda lack

WARP = 32  # threads that execute the same instruction
MULTIPROCESSORS = 128  # of a data-centre GPU: fewer rows are spread over them, one per block


def launch(kernel: Any, rows: int, *arguments: Any) -> None:
    """Run a kernel for all rows on torch's current stream. arguments: contiguous tensors, numbers.

    Nothing is copied, and nothing waits for the device.
    """
    threads = max(1, min(WARP, rows // MULTIPROCESSORS))
    blocks = -(-rows // threads)
    if numba.config.ENABLE_CUDASIM:  # type: ignore[attr-defined]
        kernel[blocks, threads](*map(_as_array, arguments))
        return
    device = next(x.device for x in arguments if isinstance(x, Tensor))
    with torch.cuda.device(device):
        stream = cuda.external_stream(torch.cuda.current_stream().cuda_stream)
        kernel[blocks, threads, stream](*map(_as_array, arguments))


def _as_array(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return cuda.as_cuda_array(x.detach(), sync=False) if x.is_cuda else x.detach().numpy()


@cuda.jit
def biquad(x, ba, state, y):  # type: ignore[no-untyped-def]
    """`recursions.biquad`."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        biquad_row(x[row], ba[row], state[row], y[row])


@cuda.jit
def chain_states(ends, steps, starts):  # type: ignore[no-untyped-def]
    """States at the start of chunks: y₀ = 0, y[k + 1] = steps · y[k] + ends[k].

    ends, starts: [rows, chunks, 2]; steps: [rows, 2, 2].
    """
    row = cuda.grid(1)
    if row < ends.shape[0]:
        y1 = y2 = 0.0
        for k in range(ends.shape[1]):
            starts[row, k, 0], starts[row, k, 1] = y1, y2
            next1 = steps[row, 0, 0] * y1 + steps[row, 0, 1] * y2 + ends[row, k, 0]
            y2 = steps[row, 1, 0] * y1 + steps[row, 1, 1] * y2 + ends[row, k, 1]
            y1 = next1


@cuda.jit
def one_pole(x, pole, y):  # type: ignore[no-untyped-def]
    """`one_pole.one_pole`."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        one_pole_row(x[row], pole[row], y[row])


@cuda.jit
def attack_release(target, poles, smooth):  # type: ignore[no-untyped-def]
    """`one_pole.smooth_attack_release`."""
    row = cuda.grid(1)
    if row < target.shape[0]:
        attack_release_row(target[row], poles[row], smooth[row])


@cuda.jit
def attack_release_backward(grad, target, smooth, poles, grad_target, grad_poles):  # type: ignore[no-untyped-def]
    """Gradient of `attack_release`."""
    row = cuda.grid(1)
    if row < target.shape[0]:
        attack_release_backward_row(
            grad[row], target[row], smooth[row], poles[row], grad_target[row], grad_poles[row]
        )


@cuda.jit
def compressor_gain(level_db, settings, gain_db):  # type: ignore[no-untyped-def]
    """Gain of `compressor.compress` in dB."""
    row = cuda.grid(1)
    if row < level_db.shape[0]:
        gain_row(level_db[row], settings[row], gain_db[row])


@cuda.jit
def compressor_gain_backward(grad_gain, peak, level_db, gain_db, settings, grad_slope):  # type: ignore[no-untyped-def]
    """Replace the gradient of the gain in dB by that of the peak."""
    row = cuda.grid(1)
    if row < level_db.shape[0]:
        grad_slope[row] = gain_backward_row(
            grad_gain[row], peak[row], level_db[row], gain_db[row], settings[row]
        )


@cuda.jit
def dynamics_backward(grad, peak, level_db, gain_db, settings, grad_settings):  # type: ignore[no-untyped-def]
    """Replace the gradient of the gain in dB by that of the peak; write that of the settings."""
    row = cuda.grid(1)
    if row < level_db.shape[0]:
        settings_backward_row(
            grad[row], peak[row], level_db[row], gain_db[row], settings[row], grad_settings[row]
        )


@cuda.jit
def inverse_gain(levels, settings, gain_db):  # type: ignore[no-untyped-def]
    """Gain of `inverse_compressor.invert_compressor` in dB."""
    row = cuda.grid(1)
    if row < levels.shape[0]:
        inverse_gain_row(levels[row], settings[row], gain_db[row])


@cuda.jit
def mean_gain_reductions(level_db, settings, hop, out):  # type: ignore[no-untyped-def]
    """`gain_reduction_bank.mean_gain_reductions_db`: one thread per song and compressor."""
    song, number = divmod(cuda.grid(1), settings.shape[0])
    if song < level_db.shape[0]:
        average_row(level_db[song], settings[number], hop, out[song, number])


@cuda.jit
def lookahead_gain(needed, numbers, counts, out, origins, choices, ballistics):  # type: ignore[no-untyped-def]
    """`lookahead.lookahead_gain_db`."""
    row = cuda.grid(1)
    if row < needed.shape[0]:
        advance_row(
            needed[row],
            numbers[row],
            counts[row],
            out[row],
            origins[row],
            choices[row],
            ballistics,
        )


@cuda.jit
def lookahead_gain_backward(grad, origins, choices, grad_needed, averaged, ballistics):  # type: ignore[no-untyped-def]
    """Gradient of `lookahead_gain`."""
    row = cuda.grid(1)
    if row < grad.shape[0]:
        lookahead_backward_row(
            grad[row], origins[row], choices[row], grad_needed[row], averaged[row], ballistics
        )


@cuda.jit
def feedback_delay(x, settings, y):  # type: ignore[no-untyped-def]
    """`feedback_delay.feedback_delay`."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        feedback_delay_row(x[row], settings[row], y[row])


@cuda.jit
def feedback_delay_backward(grad, x, y, settings, grad_r, grad_x, grad_settings):  # type: ignore[no-untyped-def]
    """Gradient of `feedback_delay`."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        feedback_delay_backward_row(
            grad[row], x[row], y[row], settings[row], grad_r[row], grad_x[row], grad_settings[row]
        )


@cuda.jit
def feedback_network(x, filters, lengths, work, inputs, y):  # type: ignore[no-untyped-def]
    """`feedback_network.feedback_network`: one thread per song."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        network_row(x[row], filters[row], lengths, work[row], inputs[row], y[row])


@cuda.jit
def feedback_network_backward(  # type: ignore[no-untyped-def]
    grad, x, inputs, filters, lengths, work, ring, grad_x, grad_filters
):
    """Gradient of `feedback_network`."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        network_backward_row(
            grad[row], x[row], inputs[row], filters[row], lengths, work[row], ring[row],
            grad_x[row], grad_filters[row],
        )  # fmt: skip
