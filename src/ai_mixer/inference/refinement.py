"""Predict, then refine: knobs moved until the mix measures as it should, held by what was said.

Two witnesses speak: the model, which says where each knob belongs and how sure it is, and what it
was given, whose levels the mix should have. The knobs sought are the most probable under both
(Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3), found by the descent of
`fitting`, with the console itself between knobs and levels instead of a network's idea of it.

A finished version of the same excerpt must be met in every third of an octave at every moment.
Another excerpt of the production differs: its long-term levels by `EXCERPT_DB` in a band,
neighbouring bands alike, mid and side alike, now and then by far more.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.core.types import Prediction
from ai_mixer.dsp.spectra import mid_side, third_octave_power
from ai_mixer.inference.knob_fitting import Difference, descend, loudest_part

# Of two excerpts of a production, measured on the long-term levels of 208 pairs of 6 s of music.
EXCERPT_DB = 2.0  # standard deviation of the difference in a band, its outliers left aside
NEXT_BAND, MID_SIDE = 0.5, 0.75  # how alike the differences of neighbours, and of mid and side, are
SAME_DB = 0.1  # of the same excerpt: what the console cannot do
OUTLIER = {"reference": 2.0, "paired": 20.0}  # standard deviations; beyond, it is another passage
HELD = 1e3  # standard deviations: what was said is never an outlier
FLOOR = 1e-4  # of the loudest band: what lies deeper is not compared
MONO = 1e-6  # power of the side over that of the mid: no width is heard
AT_ONCE = 2  # renders of 20 s: more at once take memory and save no time
MOVES = {"reference": 2, "paired": 12}  # at most; more change little
# What was given is by so much less sure than it seems, so that 80 % of the errors lie in the 80 %
# interval (105 excerpts of validation songs, `wide` and `musical`). Two excerpts differ by more
# than their typical pair says; of the same one thousands of levels are met, better than SAME_DB.
DOUBT = {"reference": 4.0, "paired": 0.22}

Unlike = Callable[[Tensor], Tensor]
"""Audio [points, C, T] → how unlike what was given it is, [points, N] in standard deviations."""


@torch.no_grad()
def refine(
    said: Prediction,
    rough: Tensor,
    given: Tensor,
    condition: str,
    console: Console,
    sample_rate: int,
    free: Tensor,
) -> Prediction:
    """What was said of roughs [B, C, T], refined by what is given under a condition.

    given: the references [B, C, any length], or the finished versions [B, C, T] if paired. free:
    [P], the knobs that may move; one of unknown spread (NaN) stays, too. Costs some 30 renders of
    each song (reference), 80 of 5 s of it (paired). ValueError if nothing is given, or no spread
    was said.
    """
    if condition not in MOVES:
        raise ValueError(f"refining needs a reference or the finished version, got {condition}")
    if said.spread is None:
        raise ValueError("refining needs a model that says by how much it may be off (a spread)")
    songs = zip(rough, given, said.knobs, said.spread, strict=True)
    found = [_refined(console, sample_rate, condition, free, *song) for song in songs]
    knobs, spread = zip(*found, strict=True)
    return Prediction(torch.stack(knobs), torch.stack(spread), said.genre)


def _refined(
    console: Console,
    rate: int,
    condition: str,
    free: Tensor,
    rough: Tensor,
    given: Tensor,
    knobs: Tensor,
    spread: Tensor,
) -> tuple[Tensor, Tensor]:
    """Knobs and spread of one song, [P] each."""
    moves = (free & spread.isfinite()).cpu()
    if not moves.any():
        return knobs, spread
    said, deviation = knobs.double().cpu(), 2.0**0.5 * spread.double().cpu()  # of Laplace's errors
    unlike = WITNESSES[condition](console, rate, rough, given)

    def doubts(points: Tensor) -> Tensor:
        """Of the model first, then of what was given: [points, N] in standard deviations."""
        everything = said.repeat(len(points), 1)
        everything[:, moves] = points
        model = (points - said[moves]) / deviation[moves]
        return torch.cat([model, unlike(everything).double()], 1)

    outlier = torch.full((len(doubts(said[None, moves])[0]),), OUTLIER[condition])
    outlier[: int(moves.sum())] = HELD
    found = descend(doubts, said[moves], MOVES[condition], outlier.double())
    said[moves] = found.point
    known = torch.diag(deviation[moves] ** -2)  # by the model; the rest by what was given
    sure = known + (found.curvature - known) / DOUBT[condition] ** 2
    deviation[moves] = torch.linalg.inv(sure).diagonal().clamp_min(0).sqrt()
    return said.to(knobs), (deviation / 2.0**0.5).to(spread)


def _another_excerpt(console: Console, rate: int, rough: Tensor, given: Tensor) -> Unlike:
    """By long-term levels of mid and side, their differences made independent of each other."""
    wanted_db, floor = long_term_db(given[None], rate)
    bands = wanted_db.shape[1] // 2
    apart, no_side = _apart(bands).to(wanted_db), _mono(rough) or _mono(given)

    def unlike(points: Tensor) -> Tensor:
        difference_db = (
            torch.cat([levels_db(few) for few in torch.split(points, AT_ONCE)]) - wanted_db
        )
        if no_side:  # what is not known is as the rest would have it, and says nothing of its own
            difference_db[:, bands:] = MID_SIDE * difference_db[:, :bands]
        return (difference_db @ apart).cpu()

    def levels_db(points: Tensor) -> Tensor:
        roughs = rough.expand(len(points), -1, -1)
        mix = console(roughs, rate, points.to(roughs), limit=False)
        return long_term_db(mix, rate, floor)[0]

    return unlike


def _same_excerpt(console: Console, rate: int, rough: Tensor, given: Tensor) -> Unlike:
    """By the levels of every moment of its loudest part."""
    part, lead_in_s = loudest_part(given, rate)
    difference = Difference(console, rate, rough[:, part], given[:, part], lead_in_s)
    return lambda points: difference(points) / SAME_DB


WITNESSES = {"reference": _another_excerpt, "paired": _same_excerpt}


def _mono(audio: Tensor) -> bool:
    """Audio [C, T] whose side is as good as silent."""
    mid, side = mid_side(audio[None])[0].square().sum(-1)
    return bool(side <= MONO * mid)


def long_term_db(x: Tensor, rate: int, floor: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Long-term third-octave levels of mid and side: [B, C, T] → [B, 2 · bands] dB, and the floor.

    floor: power that is added, so that what lies deeper is not compared; default 40 dB below the
    loudest band of each.
    """
    power = third_octave_power(mid_side(x), rate).flatten(1)
    floor = power.amax(1, keepdim=True) * FLOOR + 1e-12 if floor is None else floor
    return 10.0 * torch.log10(power + floor), floor


@lru_cache(maxsize=4)
def _apart(bands: int) -> Tensor:
    """[2 · bands, 2 · bands], what makes differences in dB [N, 2 · bands] independent of unit size.

    The inverse of the covariance's Cholesky factor, transposed.
    """
    band = torch.arange(bands, dtype=torch.float64)
    neighbours = NEXT_BAND ** (band[:, None] - band).abs()
    layers = torch.tensor([[1.0, MID_SIDE], [MID_SIDE, 1.0]], dtype=torch.float64)
    factor = torch.linalg.cholesky(torch.kron(layers, neighbours) * EXCERPT_DB**2)
    return torch.linalg.inv(factor).T
