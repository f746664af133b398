"""Settings of the mastering console for a song, without a model: tone, dynamics, width.

With references, tone and width are the correction that their long-term levels ask for
(`inference.matching_curve`), as far as the knobs reach; the compressor brings the crest factor
towards that of the references. Without one, tone and width are moved half of the way to the
nearer end of what is typical of music, and peaks are reduced slightly if the crest factor is high.
"""

from collections.abc import Sized
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.console import Console
from ai_mixer.console.frequency_response import linear_knobs
from ai_mixer.core.knob import Knob
from ai_mixer.core.types import Prediction
from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.effects.dynamics import Dynamics
from ai_mixer.inference.correction_curve import fit_curve
from ai_mixer.inference.matching_curve import Correction, long_term_levels
from ai_mixer.inference.staged_fit import without_idle_shapes
from ai_mixer.metrics.standards import BANDS, EDGES_HZ
from ai_mixer.mixing.excerpts import RATE_HZ, read_excerpts
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_options import KnobValues, MixOptions
from ai_mixer.mixing.reference_songs import ReferenceSongs
from ai_mixer.mixing.typical_balance import TYPICAL_BANDS_DB, TYPICAL_WIDTH_DB

# What mastering changes: standard deviations of the knobs about neutral, as shares of their travel.
GAIN_STD, SHAPE_STD, WIDTH_STD, LEVEL_STD = 0.2, 0.3, 0.15, 0.5
UNCHANGED = ("low_cut", "mono_bass")  # what is cut cannot be seen in the levels of the rest
TYPICAL_CREST_DB = 12.0  # above, peaks are reduced …
REDUCTION_PER_CREST_DB = 0.5  # … by this much per dB, at most that of the intensity
MAX_REFERENCE_REDUCTION_DB = 4.0
MIN_REDUCTION_DB = 0.3  # less is not worth a compressor
PEAK_QUANTILE = 0.95  # of the gain reduction over time
COMPRESSOR = {
    **{"compressor_ratio": 2.0, "compressor_attack": 20.0, "compressor_release": 150.0},
    "compressor_knee": 6.0,
}
BISECTIONS = 12


class Intensity(NamedTuple):
    """How much a master without a reference changes.

    share: of the deviation from what is typical. max_reduction_db: of peaks by the compressor.
    """

    share: float
    max_reduction_db: float


INTENSITIES = {
    "low": Intensity(0.25, 1.0),
    "medium": Intensity(0.5, 2.0),
    "high": Intensity(0.8, 3.5),
}
DEFAULT_INTENSITY = "medium"


def with_intensity(options: MixOptions, intensity: str | None) -> MixOptions:
    """Options with the intensity of their style. ValueError (one line) for an unknown one."""
    if intensity is None:
        return options
    if intensity not in INTENSITIES:
        raise ValueError(f"--intensity {intensity}: there is {', '.join(INTENSITIES)}")
    return replace(options, intensity=2.0 * INTENSITIES[intensity].share)


def check_intensity(
    intensity: str | None, references: Sized, has_model: bool, style: str | None = None
) -> None:
    """ValueError (one line) for an unknown intensity, or where something else decides."""
    if intensity is None or style is not None:
        return
    if references:
        raise ValueError(f"--intensity {intensity}: with --reference, --amount says how far")
    if has_model:
        raise ValueError(f"--intensity {intensity}: with --model, --amount says how far")


def master_settings(
    song: AudioFile,
    before: Measurements,
    console: Console,
    references: ReferenceSongs | None = None,
    intensity: Intensity | None = None,
) -> KnobValues:
    """Settings of the mastering console, in physical units.

    before: measurements of the song. intensity: without references. With references, bands follow
    the part of the difference that is certain, for any amount: fitted to all of it, they would
    follow single notes.
    """
    if before.silent:
        return {}
    excerpt, intensity = read_excerpts(song), intensity or INTENSITIES[DEFAULT_INTENSITY]
    if references is None:
        knobs = _typical_tone(console, before, intensity.share)
        wanted_db = REDUCTION_PER_CREST_DB * (before.crest_db - TYPICAL_CREST_DB)
        wanted_db = min(wanted_db, intensity.max_reduction_db)
    else:
        levels = long_term_levels(excerpt, RATE_HZ)
        knobs = _reference_tone(console, references.correction(levels, before, MixOptions()))
        wanted_db = min(before.crest_db - references.crest_db, MAX_REFERENCE_REDUCTION_DB)
    settings = console.settings(knobs[None])[0]
    if references is None:
        width = _typical_width(before, settings["high_width"], intensity.share)
        settings["high_width"] = width
    settings["level"] = 1.0  # delivery sets the loudness
    return settings | compressor_settings(console, excerpt, settings, wanted_db)


def compressor_settings(
    console: Console, excerpt: Tensor, settings: KnobValues, wanted_db: float
) -> KnobValues:
    """Settings with which the compressor reduces peaks by `wanted_db`; none below 0.3 dB.

    The threshold is found by bisection: peaks are the loudest twentieth of the time.
    """
    if wanted_db < MIN_REDUCTION_DB:
        return {}
    effect, columns = _compressor(console)
    before = {k: v for k, v in settings.items() if not k.startswith(("compressor", "level"))}
    tone, knobs = console.without_neutral(console.knobs_from(before))
    with torch.no_grad():
        audio = tone(excerpt[None], RATE_HZ, knobs, limit=False)
    threshold: Knob = console.knobs[columns["threshold_db"]]
    low, high = threshold.low, threshold.high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        values = {**settings, **COMPRESSOR, threshold.name: middle}
        arguments = {
            argument: torch.tensor([values[console.knobs[column].name]])
            for argument, column in columns.items()
        }
        with torch.no_grad():
            reduction_db = effect.gain_reduction_db(audio, RATE_HZ, **arguments)
        peaks_db = float(reduction_db[0, ::64].quantile(PEAK_QUANTILE))
        low, high = (middle, high) if peaks_db > wanted_db else (low, middle)
    return {**COMPRESSOR, threshold.name: (low + high) / 2}


def _compressor(console: Console) -> tuple[Dynamics, dict[str, int]]:
    """The compressor, and the index of the knob of each of its arguments."""
    for effect, columns in console.effects_with_columns():
        if isinstance(effect, Dynamics):
            return effect, columns
    raise ValueError("the console has no compressor whose settings are all knobs (Dynamics)")


def _reference_tone(console: Console, correction: Correction) -> Tensor:
    """Positions [P] of the linear effects for a correction."""
    std = _prior_std(console)
    std[[name == "level" for name in console.names]] = 0.0
    start = Prediction(console.neutral.double(), std)
    curve = torch.cat(correction)
    return without_idle_shapes(console, fit_curve(console, curve, start, std > 0, RATE_HZ))


def _typical_tone(console: Console, before: Measurements, share: float) -> Tensor:
    """Positions [P] of the equaliser for the typical balance of music."""
    corrections_db = {}
    for band in BANDS:
        low, _, high = TYPICAL_BANDS_DB[band]
        level_db = before.bands_db[band]
        corrections_db[band] = share * (min(max(level_db, low), high) - level_db)
    edges = torch.tensor(EDGES_HZ[1:-1])
    centres = torch.tensor(third_octave_centres(RATE_HZ))
    gains_db = torch.tensor([corrections_db[band] for band in BANDS], dtype=torch.float64)
    curve = gains_db[torch.bucketize(centres, edges)]
    std = _prior_std(console)
    start = Prediction(console.neutral.double(), std)
    knobs = fit_curve(console, curve.repeat(2), start, std > 0, RATE_HZ, fit_std_db=1.0)
    return without_idle_shapes(console, knobs)


def _typical_width(before: Measurements, high_width: float, share: float) -> float:
    """The width above the bass, moved half of the way to the nearer end of what is typical."""
    if before.width_db is None or before.mono:
        return high_width
    low, high = TYPICAL_WIDTH_DB
    change_db = share * (min(max(before.width_db, low), high) - before.width_db)
    return float(high_width * 10 ** (change_db / 20))


def _prior_std(console: Console) -> Tensor:
    """Standard deviations of the positions about neutral, [P] float64; 0: the knob stays."""
    linear = linear_knobs(console)
    std = torch.zeros(len(console.knobs), dtype=torch.float64)
    for effect, columns in console.effects_with_columns():
        for argument, column in columns.items():
            knob = console.knobs[column]
            if not linear[column] or knob.name in UNCHANGED:
                continue
            if argument in effect.shape_knobs:
                std[column] = SHAPE_STD
            elif knob.unit == "dB":
                std[column] = GAIN_STD
            else:
                std[column] = LEVEL_STD if knob.name == "level" else WIDTH_STD
    return std
