"""Faults of the signal: hum, clicks, clipping of three kinds, noise, codec band limit."""

import math

from ai_mixer.faults import fine_spectrum, generators
from ai_mixer.faults.click_detection import MIN_RATIO
from ai_mixer.faults.fault import SOUND, Fault, Remedy, profile_score
from ai_mixer.faults.fault_profile import RATE_HZ, fault_profile_names
from ai_mixer.faults.hum_detection import MIN_LEVEL_DB
from ai_mixer.faults.observations import Observations
from ai_mixer.faults.reference import Reference
from ai_mixer.faults.signal_statistics import (
    MIN_CLIPPED_PLACES,
    describe_clipping,
    describe_hum,
)

MIN_CLICKS = 3
NO_HUM_DB = -200.0
NOISE = profile_score("noisy", SOUND)
EXPORT_AGAIN = "export the song again at a lower level: clipping cannot be repaired"


def _hum_db(observations: Observations, reference: Reference) -> float:
    found = observations.signal.hum
    return found.level_db if found else NO_HUM_DB


def _click_ratio(observations: Observations, reference: Reference) -> float:
    """Prominence of the third click: one or two may be music."""
    ratios = observations.clicks
    return float(ratios[MIN_CLICKS - 1]) if len(ratios) >= MIN_CLICKS else 0.0


def _clipped_places(observations: Observations, reference: Reference) -> float:
    return float(max(one.places for one in observations.signal.clipping))


def _softness(observations: Observations, reference: Reference) -> float:
    return -observations.peak_spread_db


def _overshoot_db(observations: Observations, reference: Reference) -> float:
    """True peak over the sample peak, where the true peak is above full scale."""
    over_db = observations.true_peak_db - observations.sample_peak_db
    return over_db if observations.true_peak_db > 0 else 0.0


def _edge_drop_db(observations: Observations, reference: Reference) -> float:
    if observations.mean_db is None:
        return math.nan
    return fine_spectrum.band_limit(observations.mean_db)[1]


def _quiet_treble_db(observations: Observations, reference: Reference) -> float:
    assert observations.profile is not None
    return float(observations.profile[fault_profile_names(RATE_HZ).index("quiet_5600_17800hz")])


FAULTS = (
    Fault(
        "hum",
        "dBFS",
        -20.0,
        "−20 dBFS",
        generators.hum,
        _hum_db,
        lambda figure: f"hum: mains hum of {figure:.1f} dB",
        lambda figure: Remedy(advice="cut 50 or 60 Hz and its multiples with narrow filters"),
        threshold=MIN_LEVEL_DB,
        sentences=describe_hum,
    ),
    Fault(
        "clicks",
        "times",
        6.0,
        "every 2 s, 6 dB below the peak",
        generators.clicks,
        _click_ratio,
        lambda figure: f"clicks: three or more, {figure:.0f} times as large as what is around them",
        lambda figure: Remedy(advice="remove them in an audio editor"),
        threshold=MIN_RATIO,
    ),
    Fault(
        "hard clipping",
        "places",
        6.0,
        "6 dB over the peak",
        generators.hard_clipping,
        _clipped_places,
        lambda figure: f"hard clipping: flat tops in {figure:.0f} places",
        lambda figure: Remedy(advice=EXPORT_AGAIN),
        threshold=MIN_CLIPPED_PLACES - 0.5,
        sentences=describe_clipping,
    ),
    Fault(
        "soft clipping",
        "dB",
        12.0,
        "tanh after 12 dB",
        generators.soft_clipping,
        _softness,
        lambda figure: f"soft clipping: a hundredth of the samples is within {-figure:.1f} dB",
        lambda figure: Remedy(advice="lower the drive of the last saturation or clipper"),
    ),
    Fault(
        "inter-sample clipping",
        "dB",
        6.0,
        "6 dB over full scale",
        generators.inter_sample_clipping,
        _overshoot_db,
        lambda figure: f"inter-sample clipping: true peak {figure:.1f} dB over the samples",
        lambda figure: Remedy(ceiling_db=-1.0),
    ),
    Fault(
        "noisy",
        "dB",
        -25.0,
        "white, 25 dB below the music",
        generators.noise,
        NOISE,
        lambda figure: f"noisy: the treble never falls more than {-figure:.0f} dB below its mean",
        lambda figure: Remedy(advice="remove the noise before the mix"),
        amount=NOISE,
        measure=_quiet_treble_db,
    ),
    Fault(
        "codec band limit",
        "dB",
        11.0,
        "11 kHz",
        generators.band_limit,
        _edge_drop_db,
        lambda figure: f"codec band limit: the treble ends with a drop of {figure:.0f} dB",
        lambda figure: Remedy(advice="use the file from before the lossy encoder"),
    ),
)
