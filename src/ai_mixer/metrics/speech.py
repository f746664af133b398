"""PESQ and STOI: *speech metrics*, made for telephone lines and hearing aids, not for music.

Included because they are often requested; a higher value does not mean a better mix. Both measure
one channel up to 8 kHz (PESQ) or 5 kHz (STOI). Optional dependency: `pip install
'ai-mixer[speech]'`. The C code inside the package `pesq` has a more restrictive licence than the
package itself: docs/metrics.md.

PESQ: ITU-T P.862.2 (wide band). STOI: Taal et al., IEEE TASLP 19(7), 2011.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ai_mixer.dsp.resample import resample
from ai_mixer.dsp.spectra import centroid_hz, long_term_power

PREFIX = "speech/"
RATE_HZ = 16_000  # of P.862.2
SILENCE_PEAK = 1e-6
PYSTOI_FAILURE = 1e-5  # pystoi's value, with a warning, if too few frames are not silent

Measure = Callable[[np.ndarray, np.ndarray], float]
"""(finished, mix): [T] at RATE_HZ → a score."""


@torch.no_grad()
def speech_scores(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Return the columns `speech/pesq` (1.0–4.64), `speech/stoi` (0–1), `speech/quality`.

    mix, finished: [B, C, T], mixed down to mono. Returns [B] each. `quality` is
    (PESQ + STOI + centroid ratio) / 3 with the ratio ≤ 1: it mixes scales, so use it for ranking
    only. NaN where either is silent, shorter than a second, or where PESQ detects no utterance.
    ValueError if the extra is not installed.
    """
    pesq, stoi = speech_measures()
    rows = [
        (_score_pair(pesq, *pair), _score_pair(stoi, *pair))
        for pair in zip(_mono(finished, sample_rate), _mono(mix, sample_rate), strict=True)
    ]
    pesq_scores, stoi_scores = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    spectra = (long_term_power(x, sample_rate).mean(1) for x in (mix, finished))
    centroids = torch.stack([centroid_hz(x, sample_rate) for x in spectra]).double()
    quality = (pesq_scores + stoi_scores + centroids.amin(0) / centroids.amax(0)) / 3.0
    return {
        PREFIX + "pesq": pesq_scores,
        PREFIX + "stoi": stoi_scores,
        PREFIX + "quality": quality,
    }


def speech_measures() -> tuple[Measure, Measure]:
    """Return PESQ and STOI. ValueError if the extra `speech` is not installed."""
    try:
        from pesq import NoUtterancesError, pesq
        from pystoi import stoi
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the speech metrics need the package {error.name}: install it with "
            ".venv/bin/python -m pip install 'ai-mixer[speech]'"
        ) from error

    def pesq_or_nan(finished: np.ndarray, mix: np.ndarray) -> float:
        try:
            return float(pesq(RATE_HZ, finished, mix, "wb"))
        except NoUtterancesError:
            return math.nan

    return pesq_or_nan, lambda finished, mix: float(stoi(finished, mix, RATE_HZ))


def _score_pair(measure: Measure, finished: np.ndarray, mix: np.ndarray) -> float:
    silent = min(np.abs(finished).max(), np.abs(mix).max()) < SILENCE_PEAK
    if silent or len(finished) < RATE_HZ:
        return math.nan
    # The warning filters stay as they are: they are global, and several threads measure at a time.
    try:
        score = measure(finished, mix)
    except RuntimeWarning:
        return math.nan
    return math.nan if score == PYSTOI_FAILURE else score


def _mono(x: Tensor, sample_rate: int) -> list[np.ndarray]:
    return list(resample(x.float().mean(1), sample_rate, RATE_HZ).cpu().numpy())
