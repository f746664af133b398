"""Find reverb and delay in what the tracks do not explain of a finished mix.

The output of a bus is a sum of the filtered stems. Their lag is found by a matched filter for noise
with the spectrum of the remainder (Turin, IRE Trans. Inf. Theory 6(3), 1960): a sharp peak of the
correlation, which repeated notes do not have.
"""

import itertools
import math
from typing import NamedTuple

import torch
from scipy.optimize import nnls
from torch import Tensor
from torch.nn.functional import avg_pool1d

from ai_mixer.models.track_fit_problem import MixProblem, Point, Rendered

MIN_EXPLAINED = 0.01  # share of the remainder's power, in its own spectrum
PEAK_S = 5e-4  # half width of the surroundings above which a peak must rise
SMOOTHING = 0.06  # of the remainder's spectrum, relative to frequency
MIN_SMOOTHING = 20  # bins
FLOOR = 1e-9


class _Search(NamedTuple):
    """lag: the knob that delays. coarse: other knobs → positions that are tried."""

    lag: str
    coarse: dict[str, tuple[float, ...]]


SEARCHES = {
    "reverb": _Search("predelay_ms", {"decay_s": (0.2, 0.5, 0.8), "damping_hz": (0.2, 0.5, 0.8)}),
    "delay": _Search("time_ms", {"feedback": (0.0,), "tone_hz": (0.5,)}),
}
START = {"feedback": 0.3}  # after the search: without feedback its derivative is small


def add_bus(
    problem: MixProblem, point: Point, rendered: Rendered, names: list[str]
) -> tuple[str, Point] | None:
    """The bus among some that explains most of the remainder, and the point with it; else None."""
    remainder = problem.remainder(rendered)
    size = 2 ** math.ceil(math.log2(1.4 * remainder.shape[-1]))
    spectrum = torch.fft.rfft(remainder, size)
    noise = _smoothed(spectrum.abs().square().sum(0))
    found = [
        (*_best_positions(problem, rendered.stems, spectrum / noise, noise, name), name)
        for name in names
        if name in SEARCHES
    ]
    if not found:
        return None
    explained, positions, name = max(found, key=lambda one: one[0])
    if explained < MIN_EXPLAINED:
        return None
    strips, buses = point.strips.clone(), point.buses.clone()
    buses[problem.bus_columns[name]] = positions
    out = problem.rows(problem.bus(name, rendered.stems, positions)).double()
    ratio = _nonnegative(out, problem.rows(remainder).double())
    knob = problem.console.sends[name]
    column = problem.effects + problem.sends.index(name)
    strips[:, column] = knob.to_position(ratio).clamp(0.0, 1.0)
    return name, Point(strips, buses)


def _best_positions(
    problem: MixProblem, stems: Tensor, weighted: Tensor, noise: Tensor, name: str
) -> tuple[float, Tensor]:
    """Largest explained share over lags and coarse positions, and the positions [P]."""
    search, knobs = SEARCHES[name], problem.console.layout.buses[name]
    names = [knob.name for knob in knobs]
    lag = knobs[names.index(search.lag)]
    rate, size = problem.rate, 2 * (len(noise) - 1)
    lags = round((lag.high - lag.low) / 1000.0 * rate)
    total = _power(weighted * noise.sqrt(), size)
    best, positions = 0.0, torch.zeros(len(knobs), dtype=torch.float64)
    for values in itertools.product(*search.coarse.values()):
        tried = torch.zeros(len(knobs), dtype=torch.float64)
        for knob, value in zip(search.coarse, values, strict=True):
            tried[names.index(knob)] = value
        spectra = torch.fft.rfft(problem.bus(name, stems, tried), size)
        products = (weighted * spectra.conj()).sum(1)
        correlation = torch.fft.irfft(products, size)[:, : lags + 1].square()
        own = _power(spectra / noise.sqrt(), size)
        score = (correlation / (own[:, None] * total + 1e-30)).sum(0)
        width = max(1, round(PEAK_S * rate))
        around = avg_pool1d(score[None], 2 * width + 1, 1, width, count_include_pad=False)[0]
        explained, at = (score - around).max(0)
        if float(explained) > best:
            best, positions = float(explained), tried.clone()
            lag_ms = torch.tensor(lag.low + float(at) * 1000.0 / rate, dtype=torch.float64)
            positions[names.index(search.lag)] = lag.to_position(lag_ms).clamp(0.0, 1.0)
            for knob, value in START.items():
                if knob in names:
                    positions[names.index(knob)] = value
    return best, positions


def _power(spectra: Tensor, size: int) -> Tensor:
    """Σ of squares in the time domain of spectra [..., 2, F]."""
    return spectra.abs().square().sum((-1, -2)) * 2.0 / size


def _smoothed(power: Tensor) -> Tensor:
    """Mean over neighbouring bins, more of them at high frequencies, [F]."""
    bins = torch.arange(len(power))
    width = (SMOOTHING * bins).long() + MIN_SMOOTHING
    low, high = (bins - width).clamp_min(0), (bins + width + 1).clamp_max(len(power))
    sums = torch.cat([power.new_zeros(1), power.double().cumsum(0)])
    mean = (sums[high] - sums[low]) / (high - low)
    return (mean + FLOOR * power.max() + 1e-30).to(power)


def _nonnegative(columns: Tensor, target: Tensor) -> Tensor:
    """Non-negative least squares: columns [N, R], target [R] → [N]."""
    gram = columns @ columns.T
    gram += (1e-6 * gram.trace() / len(gram) + 1e-30) * torch.eye(len(gram), dtype=gram.dtype)
    factor = torch.linalg.cholesky(gram)
    right = torch.linalg.solve_triangular(factor, (columns @ target)[:, None], upper=False)
    return torch.from_numpy(nnls(factor.T.numpy(), right[:, 0].numpy())[0])
