"""How much the limiter may reduce peaks: 3 dB, unless more is asked for.

Two aims can contradict each other: a result is not quieter than its song, and the limiter does not
distort. A song whose own peaks are over the ceiling (clipped, or decoded from a lossy file) has a
loudness that a result under the ceiling may reach by heavy limiting only; then the budget decides,
and the result is quieter, with a note. Otherwise the loudness decides.
"""

from ai_mixer.mastering.delivery import MAX_REDUCTION_DB
from ai_mixer.mixing.measurements import Measurements

LIMITER_BUDGET_DB = 3.0  # of gain reduction; more is audible


def limiter_budget_db(
    asked_db: float | None, kept: Measurements | None, ceiling_db: float
) -> float:
    """Largest gain reduction of the limiter, dB.

    asked_db: by the user; None for the default. kept: the song whose loudness the result has; None
    if a loudness is asked for, which may be limited by up to 12 dB.
    """
    if asked_db is not None:
        return asked_db
    return LIMITER_BUDGET_DB if kept and is_over(kept, ceiling_db) else MAX_REDUCTION_DB


def is_over(song: Measurements, ceiling_db: float) -> bool:
    """Whether peaks of a song are over the ceiling."""
    return song.true_peak_db > ceiling_db
