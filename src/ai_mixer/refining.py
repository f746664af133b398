"""Predict, then refine: knobs move until the mix measures as the reference, held by what was said.

The most probable knobs under two witnesses: the model, which says where each knob belongs and how
sure it is, and the reference, whose long-term third-octave levels of mid and side the mix should
have. Another excerpt of a production differs from it by several dB in every band, and neighbouring
bands differ together: that is what `EXCERPT_DB` allows for. Marquardt's descent, as in `fitting`.
"""

import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.dsp.spectra import mid_side, third_octave_power
from ai_mixer.fitting import descend

EXCERPT_DB = 8.0  # by how much a band of another excerpt may differ, as if bands were independent
FLOOR = 1e-4  # of the loudest band: what lies deeper is not compared
MOVES = 6


@torch.no_grad()
def refine(
    rough: Tensor,
    reference: Tensor,
    console: Console,
    sample_rate: int,
    knobs: Tensor,
    spread: Tensor,
    excerpt_db: float = EXCERPT_DB,
) -> Tensor:
    """Positions [B, P] for roughs [B, C, T] that are to sound like references [B, C, any length].

    knobs, spread: [B, P] what was said, and the standard deviation of each; 0 holds a knob where it
    is. Costs a few dozen renders of each song.
    """
    songs = zip(rough, reference, knobs, spread, strict=True)
    found = [_refined(console, sample_rate, excerpt_db, *song) for song in songs]
    return torch.stack(found).to(knobs)


def _refined(
    console: Console,
    rate: int,
    excerpt_db: float,
    rough: Tensor,
    reference: Tensor,
    knobs: Tensor,
    spread: Tensor,
) -> Tensor:
    said, sure = knobs.double().cpu(), spread.double().cpu().clamp_min(1e-4)
    wanted_db, floor = _levels_db(reference[None], rate)

    def residuals(points: Tensor) -> Tensor:
        """In standard deviations: [points, bands + P]."""
        mix = console(rough.expand(len(points), -1, -1), rate, points.to(rough), limit=False)
        unlike = (_levels_db(mix, rate, floor)[0] - wanted_db).double().cpu() / excerpt_db
        return torch.cat([unlike, (points - said) / sure], dim=1)

    return descend(residuals, said, MOVES)[0]


def _levels_db(x: Tensor, rate: int, floor: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Long-term levels of mid and side: [B, C, T] → [B, 2 · bands] dB, and the floor's power."""
    power = third_octave_power(mid_side(x), rate).flatten(1)
    floor = power.amax(1, keepdim=True) * FLOOR + 1e-12 if floor is None else floor
    return 10.0 * torch.log10(power + floor), floor
