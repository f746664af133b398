"""PESQ and STOI: *speech metrics*, made for telephone lines and hearing aids, not for music.

Here because people ask for them; a higher figure does not mean a better mix. Both hear one channel
with nothing above 8 kHz (PESQ) or 5 kHz (STOI). An extra of its own: `pip install
'ai-mixer[speech]'`. The C code inside the package `pesq` is under a restrictive licence of its
owners, whatever the package around it says: docs/metrics.md.

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
RATE_HZ = 16_000  # what P.862.2 is defined at
SILENCE_PEAK = 1e-6
PYSTOI_FAILURE = 1e-5  # what pystoi says, with a warning, where hardly a frame is left to judge

Measure = Callable[[np.ndarray, np.ndarray], float]
"""(finished, heard): [T] at RATE → a score."""


@torch.no_grad()
def speech_scores(mix: Tensor, finished: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Columns of a record: `speech/pesq` (1.0–4.64), `speech/stoi` (0–1), `speech/quality`.

    heard: the mix; both [B, C, T], mixed down to mono. Returns [B] each. `quality` is
    (PESQ + STOI + centroid ratio) / 3 with the ratio ≤ 1: a mark and two shares, good for order
    only. NaN where one is silent, shorter than a second, or where PESQ finds nothing like an
    utterance. ValueError if the extra is not installed.
    """
    pesq, stoi = speech_measures()
    rows = [
        (_score_pair(pesq, *pair), _score_pair(stoi, *pair))
        for pair in zip(_mono(finished, sample_rate), _mono(mix, sample_rate), strict=True)
    ]
    marks, shares = torch.tensor(rows, dtype=torch.float64).unbind(-1)
    spectra = (long_term_power(x, sample_rate).mean(1) for x in (mix, finished))
    centres = torch.stack([centroid_hz(x, sample_rate) for x in spectra]).double()
    quality = (marks + shares + centres.amin(0) / centres.amax(0)) / 3.0
    return {PREFIX + "pesq": marks, PREFIX + "stoi": shares, PREFIX + "quality": quality}


def speech_measures() -> tuple[Measure, Measure]:
    """PESQ and STOI. ValueError, with the way out, if the extra is not installed."""
    try:
        from pesq import NoUtterancesError, pesq
        from pystoi import stoi
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the speech metrics need the package {error.name}: "
            ".venv/bin/python -m pip install 'ai-mixer[speech]'"
        ) from error

    def mark(finished: np.ndarray, mix: np.ndarray) -> float:
        try:
            return float(pesq(RATE_HZ, finished, mix, "wb"))
        except NoUtterancesError:
            return math.nan

    return mark, lambda finished, mix: float(stoi(finished, mix, RATE_HZ))


def _score_pair(measure: Measure, finished: np.ndarray, mix: np.ndarray) -> float:
    silent = min(np.abs(finished).max(), np.abs(mix).max()) < SILENCE_PEAK
    if silent or len(finished) < RATE_HZ:
        return math.nan
    try:  # several are measured at a time, so the filters of warnings are left alone
        score = measure(finished, mix)
    except RuntimeWarning:
        return math.nan
    return math.nan if score == PYSTOI_FAILURE else score


def _mono(x: Tensor, sample_rate: int) -> list[np.ndarray]:
    return list(resample(x.float().mean(1), sample_rate, RATE_HZ).cpu().numpy())
