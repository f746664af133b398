"""Other settings of the EQ and the fader of one track that explain its part of a finished mix.

Four overlapping bands have many local minima: all gains up and the fader down can sound like two
gains alone to 0.1 dB. The response that a strip should have is known in narrow bands from its stem
and what remains of the mix, so that many starts are tried without rendering.
"""

import itertools
import math

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain
from ai_mixer.models.track_fit_descent import INDEPENDENT, Prior
from ai_mixer.models.track_fit_problem import MixProblem, Point, Rendered

EFFECTS = ("low_shelf", "peak1", "peak2", "high_shelf", "fader")
STARTS = {  # positions of frequencies; all gains start at the prior
    "low_shelf_hz": (0.3, 0.8),
    "peak1_hz": (0.2, 0.5, 0.8),
    "peak2_hz": (0.2, 0.5, 0.8),
    "high_shelf_hz": (0.2, 0.7),
}
BANDS_PER_OCTAVE, LOWEST_HZ = 24, 20.0
STEPS, LARGEST_STEP, FINITE_DIFFERENCE = 40, 0.3, 1e-4
FLOOR = 1e-7  # of the noise, relative to the power of the stem


def search_eq(
    problem: MixProblem, point: Point, rendered: Rendered, prior: Prior, track: int
) -> Point:
    """The point with the most probable EQ and fader of a track among local minima."""
    strip, rate = problem.console.strip, problem.rate
    chosen = [name in EFFECTS for name in strip.effects]
    chain, indices = strip.select(chosen)
    columns = torch.tensor(indices)
    frequencies_hz, wanted, weight = _wanted_response(problem, rendered, track)
    own = point.strips[track, columns]
    now = _response(chain, own[None], frequencies_hz, rate)
    mean, std = (part.strips[track, columns] for part in prior)
    starts = mean.repeat(math.prod(map(len, STARTS.values())), 1)
    names = chain.names
    for row, values in enumerate(itertools.product(*STARTS.values())):
        for name, value in zip(STARTS, values, strict=True):
            starts[row, names.index(name)] = value
    target, root = wanted * now[0], weight.sqrt() / now[0].abs()

    def residuals(positions: Tensor) -> Tensor:
        """[S, P] → [S, 2 K + P]."""
        error = torch.view_as_real(_response(chain, positions, frequencies_hz, rate) - target)
        return torch.cat([(error * root[:, None]).flatten(1), (positions - mean) / std], 1)

    best = _levenberg_marquardt(residuals, torch.cat([own[None], starts]))
    strips = point.strips.clone()
    strips[track, columns] = best
    return Point(strips, point.buses)


def _wanted_response(
    problem: MixProblem, rendered: Rendered, track: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Centres of bands in Hz [K], response relative to the present one [K] complex, weights [K]."""
    stem = torch.fft.rfft(rendered.stems[track].double())
    remainder = torch.fft.rfft(problem.remainder(rendered).double())
    hertz = torch.linspace(0.0, problem.rate / 2, stem.shape[-1], dtype=torch.float64)
    band = ((hertz / LOWEST_HZ).clamp_min(1e-9).log2() * BANDS_PER_OCTAVE).floor().long()
    inside = band >= 0
    band, hertz = band[inside], hertz[inside]
    stem, remainder = stem[:, inside], remainder[:, inside]
    count = int(band.max()) + 1

    def sums(values: Tensor) -> Tensor:
        return values.new_zeros(count).index_add(0, band, values)

    power = stem.abs().square().sum(0)
    in_band = sums(power)
    present = in_band > 1e-9 * in_band.max()
    safe = in_band.clamp_min(1e-30)
    change = sums((stem.conj() * remainder).sum(0)) / safe
    centres = sums(power * hertz) / safe
    rest = sums(remainder.abs().square().sum(0)) - change.abs().square() * in_band
    bins = 2.0 * sums(torch.ones_like(power)).clamp_min(1.0)
    noise = rest.clamp_min(0.0) / bins + FLOOR * safe / bins
    weight = INDEPENDENT * in_band / noise
    return centres[present], 1.0 + change[present], weight[present]


def _response(chain: EffectChain, knobs: Tensor, frequencies_hz: Tensor, rate: int) -> Tensor:
    """Complex response of filters and gains, [S, K]; knobs: [S, P]."""
    z = torch.exp(-2j * math.pi * frequencies_hz / rate)
    total = torch.ones(len(knobs), len(z), dtype=z.dtype)
    for effect, columns in chain.effects_with_columns():
        values = {
            argument: chain.knobs[column].to_physical(knobs[:, column])
            for argument, column in columns.items()
        }
        parts = effect.coefficients(rate, **values).double()[..., None].unbind(1)
        if len(parts) == 5:
            b0, b1, b2, a1, a2 = parts
            total = total * (b0 + (b1 + b2 * z) * z) / (1.0 + (a1 + a2 * z) * z)
        else:
            total = total * parts[0]
    return total


def _levenberg_marquardt(residuals, points: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    """The best of the local minima near points [S, P], [P]."""
    error = residuals(points)
    cost = error.square().sum(1)
    damping = torch.full((len(points),), 1e-2, dtype=torch.float64)
    for _ in range(STEPS):
        slopes = []
        for knob in range(points.shape[1]):
            step = torch.where(points[:, knob] > 0.5, -FINITE_DIFFERENCE, FINITE_DIFFERENCE)
            moved = points.clone()
            moved[:, knob] += step
            slopes.append((residuals(moved) - error) / step[:, None])
        jacobian = torch.stack(slopes, 2)
        curvature = jacobian.mT @ jacobian
        damped = torch.diag_embed(damping[:, None] * curvature.diagonal(dim1=1, dim2=2))
        descent = -(jacobian.mT @ error[..., None])
        step = torch.linalg.solve(curvature + damped, descent)[..., 0]
        moved = (points + step.clamp(-LARGEST_STEP, LARGEST_STEP)).clamp(0.0, 1.0)
        new_error = residuals(moved)
        new = new_error.square().sum(1)
        better = new < cost
        damping = torch.where(better, damping / 5.0, damping * 4.0).clamp(1e-9, 1e6)
        points = torch.where(better[:, None], moved, points)
        error = torch.where(better[:, None], new_error, error)
        cost = torch.where(better, new, cost)
    return points[cost.argmin()]
