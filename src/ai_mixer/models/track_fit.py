"""Find the knobs of several tracks from the tracks and their finished mix, through the console.

From a first guess, levels and pans are identified by least squares (`track_identification`). Then
the rendered mix is brought to the finished one by Levenberg–Marquardt, with a prediction and its
uncertainty as the prior (`track_fit_descent`). Reverb and delay are added when what remains shows
them (`track_bus_search`).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.console import ConsoleGraph
from ai_mixer.dsp.loudness import loudness_lufs
from ai_mixer.models.track_bus_search import add_bus
from ai_mixer.models.track_eq_search import search_eq
from ai_mixer.models.track_fit_descent import Descent, Prior, descend
from ai_mixer.models.track_fit_problem import MixProblem, Point
from ai_mixer.models.track_identification import IdentifiedTracks

SHAPES = ("_hz", "_q", "_ms", "knee_db")  # of knobs that are held in the first steps
FIXED = ("trim_db", "low_cut_hz", "compressor_makeup_db")  # one product with the fader; no inverse
FIRST_STEPS, BUS_STEPS, JOINT_STEPS, LAST_STEPS = 4, 5, 10, 30
TRACK_STEPS, ROUNDS = 5, 3
EXPLAINED = 10.0 ** (-60.0 / 10.0)  # of the power of the mix: no bus is searched
FADER, PAN, WIDTH = "fader_db", "pan", "width"
RATIO, THRESHOLD = "compressor_ratio", "compressor_threshold_db"
RATIO_START, THRESHOLD_START_LU = 0.3, -10.0  # a compressor that is off has no derivative
MAX_S = 10.0  # of the excerpt that is compared, the loudest


class MixFit(NamedTuple):
    """Positions of strips with sends [N, Ps] and buses [Pb]; std: their standard deviations.

    residual_db: power of what remains, relative to the mix.
    """

    positions: Point
    std: Point
    residual_db: float


@torch.no_grad()
def fit_mix(
    console: ConsoleGraph,
    tracks: Tensor,
    mix: Tensor,
    rate: int,
    prior: Prior,
    found: IdentifiedTracks,
) -> MixFit:
    """Fit tracks [N, 2, T] to their mix [2, T]. found: the strips identified in the same excerpt.

    The order of the tracks changes nothing but the order of the result.
    """
    order = tracks.square().sum((1, 2)).argsort(descending=True)
    where = order.argsort()
    prior = Prior(*(Point(part.strips[order].double(), part.buses.double()) for part in prior))
    excerpt = _loudest(mix, round(MAX_S * rate))
    problem = MixProblem(console, tracks[order][..., excerpt], mix[..., excerpt], rate)
    prior, start = _start(problem, prior, _ordered(found, order))
    fit = _Fit(problem, prior, start)
    fit.run()
    last, std = fit.last, fit.std
    return MixFit(
        Point(last.point.strips[where], last.point.buses),
        Point(std.strips[where], std.buses),
        10.0 * math.log10(max(last.residual, 1e-20)),
    )


class _Fit:
    """The steps of one fit."""

    def __init__(self, problem: MixProblem, prior: Prior, start: Point) -> None:
        self.problem, self.prior = problem, prior
        self.names = problem.console.names
        fixed = torch.tensor([name in FIXED for name in self.names])
        is_send = torch.arange(len(self.names)) >= problem.effects
        strips = (~(fixed | is_send)).repeat(len(start.strips), 1)
        self.free = Point(strips, torch.zeros(len(start.buses), dtype=torch.bool))
        shapes = torch.tensor([name.endswith(SHAPES) for name in self.names])
        gains = Point(strips & ~shapes, self.free.buses)
        first = descend(problem, start, gains, prior, FIRST_STEPS)
        self.last = self._descend(first.point, FIRST_STEPS)

    def run(self) -> None:
        """Add buses, then descend, and try other EQs while the mix is not explained."""
        self._add_buses()
        self.last = self._descend(self.last.point, JOINT_STEPS)
        for _ in range(ROUNDS):
            if self.last.residual < EXPLAINED:
                break
            self._search_eqs()
            self.last = self._descend(self.last.point, JOINT_STEPS)
            self._add_buses()
        self.last = self._descend(self.last.point, LAST_STEPS)

    def _search_eqs(self) -> None:
        """Fit each track from another EQ, all else held, and keep what explains more."""
        problem, effects = self.problem, self.problem.effects
        for track in range(len(self.last.point.strips)):
            free = Point(torch.zeros_like(self.free.strips), torch.zeros_like(self.free.buses))
            free.strips[track, :effects] = self.free.strips[track, :effects]
            before = self.last.rendered
            point = search_eq(problem, self.last.point, before, self.prior, track)
            rendered = problem.render(point, before, track)
            found = descend(problem, point, free, self.prior, TRACK_STEPS, rendered, track)
            if found.residual < self.last.residual:
                self.last = found

    @property
    def std(self) -> Point:
        """Standard deviation of every position; that of the prior where it was not fitted."""
        return self.prior.std.replace(self.free, self.last.std)

    def _descend(self, point: Point, steps: int) -> Descent:
        return descend(self.problem, point, self.free, self.prior, steps)

    def _add_buses(self) -> None:
        problem = self.problem
        idle = [n for n in problem.sends if not self.free.buses[problem.bus_columns[n]].any()]
        while idle and self.last.residual > EXPLAINED:
            added = add_bus(problem, self.last.point, self.last.rendered, idle)
            if added is None:
                return
            name, point = added
            idle.remove(name)
            columns = problem.bus_columns[name]
            self.free.buses[columns] = True
            self.free.strips[:, problem.effects + problem.sends.index(name)] = True
            self.prior.mean.buses[columns] = point.buses[columns]
            self.last = self._descend(point, BUS_STEPS)


def _start(problem: MixProblem, prior: Prior, found: IdentifiedTracks) -> tuple[Prior, Point]:
    """The prior with identified levels, pans and widths, and a point with active compressors."""
    console, names = problem.console.strip, problem.console.names
    strips = prior.mean.strips.clone()
    known = found.weight.sum(1) > 0
    share = found.weight / found.weight.sum(1, keepdim=True).clamp_min(1e-12)
    left, right = (share * found.power).sum(-1)
    values = {
        FADER: 10.0 * ((left + right) / 2.0 + 1e-6).log10(),
        PAN: torch.atan2(right.sqrt(), left.sqrt()) * (4.0 / math.pi) - 1.0,
        WIDTH: found.width,
    }
    for name, value in values.items():
        column = names.index(name)
        position = console.knobs[column].to_position(value.double()).clamp(0.0, 1.0)
        where = known & (found.width != 1.0) if name == WIDTH else known
        strips[:, column] = torch.where(where, position, strips[:, column])
    mean = Point(strips.clone(), prior.mean.buses)
    for name in problem.sends:
        strips[:, problem.effects + problem.sends.index(name)] = 0.0
    strips[:, names.index(RATIO)] = RATIO_START
    threshold = console.knobs[names.index(THRESHOLD)]
    lufs = loudness_lufs(problem.tracks, problem.rate).double() + THRESHOLD_START_LU
    strips[:, names.index(THRESHOLD)] = threshold.to_position(lufs).clamp(0.0, 1.0)
    mean.strips[:, names.index(THRESHOLD)] = strips[:, names.index(THRESHOLD)]
    return Prior(mean, prior.std), Point(strips, prior.mean.buses.clone())


def _ordered(found: IdentifiedTracks, order: Tensor) -> IdentifiedTracks:
    """The strips of tracks in another order."""
    per_track = ("certainty", "weight", "width", "gain", "level")
    own = {name: getattr(found, name)[order] for name in per_track}
    return found._replace(power=found.power[:, order], tails=found.tails[:, order], **own)


def _loudest(mix: Tensor, samples: int) -> slice:
    """The loudest excerpt of so many samples, in steps of a quarter of it."""
    length = mix.shape[-1]
    if length <= samples:
        return slice(0, length)
    step = samples // 4
    starts = range(0, length - samples + 1, step)
    best = max(starts, key=lambda n: float(mix[..., n : n + samples].square().sum()))
    return slice(best, best + samples)
