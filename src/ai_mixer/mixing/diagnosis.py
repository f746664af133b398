"""What is unusual about a song, in words: why a model of finished music moves a knob."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.core.knob import Knob
from ai_mixer.dsp.spectra import third_octave_centres
from ai_mixer.inference.predictor import Predictor
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.mixing.plain_words import RANGES_HZ
from ai_mixer.mixing.windowed_prediction import SongWindows
from ai_mixer.models.evidence import Evidence

UNUSUAL_STD = 1.5  # standard deviations of finished music; of tone, the largest is always named
WIDTH_HZ = (180.0, 6500.0)
MIN_MOVE = 0.1  # of a knob, share of its range: smaller ones accompany others


def diagnose(
    predictor: Predictor, song: AudioFile, predicted: Sequence[KnobValues]
) -> tuple[str, ...]:
    """Name what is unusual where the model moves a knob. Empty for a model of another kind.

    predicted: settings of each section.
    """
    model = predictor.model
    moved = {
        knob.name
        for knob in predictor.console.knobs
        for settings in predicted
        if _move(knob, settings.get(knob.name, knob.neutral)) >= MIN_MOVE
    }
    if not (isinstance(model, Evidence) and moved):
        return ()
    windows = SongWindows(song, predictor)
    audio = torch.cat([windows[n] for n in range(len(windows))], -1)
    deviations = model.deviations(audio)[0]
    return tuple(_sentences(deviations, model.std, predictor.sample_rate, moved))


def _move(knob: Knob, value: float) -> float:
    """Distance from neutral, share of the range."""
    return abs(float(knob.to_position(torch.tensor(value))) - knob.neutral_position)


def _sentences(deviations: Tensor, std: Tensor, rate: int, moved: set[str]) -> Iterator[str]:
    """Tone, width and dynamics, each if a knob for it was moved."""
    centres = torch.tensor(third_octave_centres(rate))
    bands = len(centres)
    widths = {name for name in moved if name.endswith("_width")}
    dynamics = {name for name in moved if name.endswith("_ratio")}
    if moved - widths - dynamics:
        yield from _tone(deviations[:bands], std[:bands], centres)
    if widths:
        inside = (centres >= WIDTH_HZ[0]) & (centres < WIDTH_HZ[1])
        width_db = float(deviations[bands : 2 * bands][inside].mean())
        yield f"the stereo image is {_amount(width_db, 'wider', 'narrower')}"
    if dynamics:
        yield f"the peaks stand out {_amount(float(deviations[-1]), 'more', 'less')}"


def _tone(deviations: Tensor, std: Tensor, centres: Tensor) -> Iterator[str]:
    """Ranges of the spectrum relative to the median of all bands: one loud range moves all."""
    relative = deviations - deviations.median()
    found = []
    for name, (low, high) in RANGES_HZ.items():
        inside = (centres >= low) & (centres < high)
        mean_db = float(relative[inside].mean())
        found.append((abs(mean_db) / float(std[inside].mean()), name, mean_db))
    largest = max(found)[0]
    for size, name, mean_db in found:
        if size >= min(UNUSUAL_STD, largest):
            verb = "are" if name == "mids" else "is"
            yield f"the {name} {verb} {_amount(mean_db, 'stronger', 'softer')}"


def _amount(value_db: float, more: str, less: str) -> str:
    return f"{abs(value_db):.0f} dB {more if value_db > 0 else less} than is usual"
