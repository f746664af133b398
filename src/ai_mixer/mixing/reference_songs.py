"""Reference songs with weights: which of them say something, and what they are like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.inference.matching_curve import (
    Correction,
    Levels,
    estimate_correction,
    keep_width_between,
    long_term_levels,
    remaining_correction,
)
from ai_mixer.mixing.excerpts import RATE_HZ, read_excerpts, render_excerpt
from ai_mixer.mixing.matching_equaliser import matching_equaliser
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_options import KNOB_GROUPS, KnobValues, MixOptions
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.reference_check import describe_unusable, measurable_s
from ai_mixer.mixing.render import kept_loudness_lufs
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch

MODEL_SHARE = 0.5  # of what a refined model leaves: the mean of its estimate and of the curve's
FULL_WEIGHT_S = 10.0  # of a reference; one with less that can be measured weighs less

References = str | Path | Sequence[str | Path] | Mapping[Path, float] | Mapping[str, float]
"""A file, several files, or files with weights."""


def reference_weights(references: References | None) -> dict[Path, float]:
    """Files with weights. ValueError (one line) for a weight that is not above 0.

    >>> reference_weights(["a.wav", "b.wav"])
    {PosixPath('a.wav'): 1.0, PosixPath('b.wav'): 1.0}
    """
    if not references:
        return {}
    if isinstance(references, str | Path):
        references = [references]
    if isinstance(references, Mapping):
        weights = {Path(path): float(weight) for path, weight in references.items()}
    else:
        weights = {Path(path): 1.0 for path in references}
    for path, weight in weights.items():
        if not (isfinite(weight) and weight > 0):
            raise ValueError(f"{path}={weight:g}: the weight of a reference must be above 0")
    return weights


@dataclass(frozen=True)
class ReferenceSongs:
    """References of a mix that can be measured, with what they are like as a weighted mean.

    weights: of the files, with less for short ones. levels: of excerpts. width_db: None if all are
    mono. notes: which files were left out or weigh less, and why.
    """

    files: Sequence[AudioFile]
    weights: Sequence[float]
    measurements: Sequence[Measurements]
    levels: Sequence[Levels]
    notes: Sequence[str]

    @classmethod
    def read(cls, references: Mapping[AudioFile, float], song: AudioFile) -> "ReferenceSongs":
        """Measure references of a song. ValueError (one line) if one of them is silent."""
        files, weights, notes = [], [], []
        for file, weight in references.items():
            seconds = measurable_s(file)
            unusable = describe_unusable(file, seconds, song)
            if unusable:
                notes.append(unusable)
                continue
            if seconds < FULL_WEIGHT_S and len(references) > 1:
                share = seconds / FULL_WEIGHT_S
                notes.append(
                    f"{file.path.name} is short: it weighs {100 * share:.0f} % of its weight"
                )
            else:
                share = 1.0
            files.append(file)
            weights.append(share * weight)
        measured = [measure(prefetch(file.blocks()), file.sample_rate) for file in files]
        release_memory()
        levels = [long_term_levels(read_excerpts(file), RATE_HZ) for file in files]
        return cls(files, weights, measured, levels, notes)

    @property
    def heaviest(self) -> AudioFile:
        """The file of the largest weight."""
        return self.files[self.weights.index(max(self.weights))]

    @property
    def names(self) -> str:
        """Names of the files."""
        return ", ".join(file.path.name for file in self.files)

    @property
    def crest_db(self) -> float:
        """Mean crest factor."""
        return self._mean([m.crest_db for m in self.measurements])

    @property
    def width_db(self) -> float | None:
        """Mean side over mid of those that are stereo."""
        widths = [None if m.mono else m.width_db for m in self.measurements]
        return None if all(w is None for w in widths) else self._mean(widths)

    def widths_db(self, before: Measurements, options: MixOptions) -> tuple[float, float] | None:
        """Lowest and highest side over mid of a mix: between the song's and that of the references.

        None if the width is not matched, or set by style or user.
        """
        target, widths = self.width_db if self.files else None, KNOB_GROUPS["width"]
        chosen = {*options.fixed_settings, *options.style_settings.offsets}
        if before.mono or before.width_db is None or target is None or chosen & {*widths}:
            return None
        if options.share_of("width") == 0.0:
            return None
        return min(before.width_db, target), max(before.width_db, target)

    def loudness_lufs(self, ceiling_db: float) -> float:
        """Mean loudness, for a mix that is to be as loud."""
        return self._mean([kept_loudness_lufs(m, ceiling_db) for m in self.measurements])

    def correction(self, song: Levels, before: Measurements, options: MixOptions) -> Correction:
        """The correction of a song with measurements `before`, by amounts and aspects."""
        shares = options.share_of("tone"), options.share_of("width")
        correction = estimate_correction(song, self.levels, self.weights, *shares)
        share = min(1.0, options.style_settings.amount)
        correction = Correction(*(share * gain_db for gain_db in correction))
        widths = before.width_db, self.width_db
        if shares[1] == 0.0 or widths[0] is None or widths[1] is None:
            return correction
        return keep_width_between(correction, song, widths[0], widths[1])

    def _mean(self, values: Sequence[float | None]) -> float:
        """Weighted mean of those that are not None."""
        pairs = [(v, w) for v, w in zip(values, self.weights, strict=True) if v is not None]
        return sum(v * w for v, w in pairs) / sum(w for _, w in pairs)


def with_equaliser(
    preset: Preset,
    song: AudioFile,
    before: Measurements,
    references: ReferenceSongs,
    plain: KnobValues,
    options: MixOptions,
    share: float = 1.0,
) -> Preset:
    """The preset with an equaliser for what its knobs leave of the correction.

    plain: its settings without style and fixed ones, so that the equaliser does not undo these.
    share: of what they leave.
    """
    excerpt = read_excerpts(song)
    levels = long_term_levels(excerpt, RATE_HZ)
    correction = references.correction(levels, before, options)
    mix = long_term_levels(render_excerpt(preset.console, excerpt, plain), RATE_HZ)
    remaining = Correction(
        *(share * gain_db for gain_db in remaining_correction(correction, levels, mix))
    )
    return replace(preset, equaliser=matching_equaliser(remaining))
