"""Fit the statistics of the detectors to finished songs and to the same songs with faults."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from ai_mixer.faults import fine_spectrum
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference
from ai_mixer.faults.registry import FAULTS
from ai_mixer.metrics.normality import Normality

FALSE_ALARMS = 0.02  # share of finished songs over a threshold; other songs have some more
MIN_SHRINKAGE = 0.5  # of the covariances: more values than songs

Songs = Mapping[int, Observations]


def fit_reference(
    finished: Songs, damaged: Mapping[str, Songs], groups: Mapping[int, object]
) -> Reference:
    """Fit to finished songs by number. damaged: fault → the same songs with it, all or some.

    groups: song → what it has in common with others, such as its artist. Thresholds are those of
    songs of other groups than the statistics are fitted to.
    """
    whole = _statistics(finished, damaged)
    scores: dict[str, list[float]] = {name: [] for name in FAULTS}
    for group in sorted({str(groups[song]) for song in finished}):
        inside = {song for song in finished if str(groups[song]) == group}
        others = {song: one for song, one in finished.items() if song not in inside}
        if len(others) < 2:
            continue
        statistics = _statistics(
            others, {name: _without(songs, inside) for name, songs in damaged.items()}
        )
        for name, fault in FAULTS.items():
            scores[name] += [fault.score(finished[song], statistics) for song in sorted(inside)]
    thresholds = {
        name: float(np.nanquantile(values, 1 - FALSE_ALARMS))
        for name, values in scores.items()
        if FAULTS[name].threshold is None
    }
    return replace(whole, thresholds=thresholds)


def _statistics(finished: Songs, damaged: Mapping[str, Songs]) -> Reference:
    """The reference without thresholds."""
    profiles = torch.stack([one.profile for one in finished.values() if one.profile is not None])
    contrast = torch.stack(
        [one.contrast_db for one in finished.values() if one.contrast_db is not None]
    )
    directions = {}
    for name, songs in damaged.items():
        if FAULTS[name].by_profile:
            pairs = [(songs[n].profile, finished[n].profile) for n in songs if n in finished]
            changes = [a - b for a, b in pairs if a is not None and b is not None]
            directions[name] = torch.stack(changes).median(0).values / abs(FAULTS[name].strong)
    return Reference(
        profiles.double(),
        Normality.fit(profiles, MIN_SHRINKAGE),
        {name: row.double() for name, row in directions.items()},
        Normality.fit(contrast[:, fine_spectrum.resonance_bands()], MIN_SHRINKAGE),
        {},
    )


def _without(songs: Songs, numbers: Sequence[int] | set[int]) -> Songs:
    return {song: one for song, one in songs.items() if song not in numbers}
