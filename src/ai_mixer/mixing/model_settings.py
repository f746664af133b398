"""Settings of a song as a model predicts them, by section, and with references."""

from dataclasses import replace
from itertools import pairwise

from ai_mixer.audio import AudioFile
from ai_mixer.inference.predictor import Predictor
from ai_mixer.mixing.adaptive_settings import adaptive_sections, repeated_parts
from ai_mixer.mixing.ambience import ambience_of_reference, ambience_of_song
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.diagnosis import diagnose
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_console import console_of
from ai_mixer.mixing.mix_options import MUSICAL, WIDE, KnobValues, MixOptions
from ai_mixer.mixing.preset import Preset, PresetSection
from ai_mixer.mixing.reference_songs import ReferenceSongs, with_equaliser
from ai_mixer.mixing.segmentation import section_starts_s
from ai_mixer.mixing.windowed_prediction import predict_song
from ai_mixer.models.ambience import KNOBS as AMBIENCE_KNOBS


def predict_preset(
    predictor: Predictor,
    title: str,
    song: AudioFile,
    before: Measurements,
    references: ReferenceSongs | None,
    mix_options: MixOptions,
    adaptive: bool,
) -> Preset:
    """Predict the settings of a song. title: of the model. before: measurements of the song."""
    usual = WIDE if references else blind_ranges(predictor)
    ranges_name = mix_options.style_settings.ranges or usual
    starts = section_starts_s(before.spectra_db) if adaptive else [0.0]
    stops = [*starts[1:], song.duration_s]
    reference = references.heaviest if references else None
    present = _present(predictor, song, mix_options)
    suffix = f", reference {references.names}" if references else ""
    suffix += "".join(f"; the song has {name} ({value:.0%})" for name, value in present.items())

    def predict(options: MixOptions, ranges_name: str) -> Preset:
        sections = tuple(
            predicted_section(predictor, song, *times, reference, options, ranges_name, present)
            for times in zip(starts, stops, strict=True)
        )
        console = console_of(predictor)
        if len(sections) > 1:
            whole = predicted_section(
                predictor, song, 0.0, song.duration_s, reference, options, ranges_name, present
            )
            parts = repeated_parts(before.spectra_db, starts)
            sections = adaptive_sections(song, console, sections, parts, whole)
        return Preset(sections, console=console, about=f"mixed by {title}{suffix}")

    preset = predict(mix_options, ranges_name)
    if references is None:
        predicted = [section.predicted for section in preset.sections if section.predicted]
        return replace(preset, unusual=diagnose(predictor, song, predicted))
    plain = preset if mix_options == mix_options.plain else predict(mix_options.plain, WIDE)
    bounds = [*(section.start_s for section in plain.sections), song.duration_s]
    lengths = [stop - start for start, stop in pairwise(bounds)]
    longest = plain.sections[lengths.index(max(lengths))].settings
    return with_equaliser(preset, song, before, references, longest, mix_options)


def blind_ranges(predictor: Predictor) -> str:
    """Ranges of a mix without a reference: a model that moves only what is certain has its own."""
    return str(getattr(predictor.model, "blind_ranges", MUSICAL))


def predicted_section(
    predictor: Predictor,
    song: AudioFile,
    start_s: float,
    stop_s: float,
    reference: AudioFile | None = None,
    mix_options: MixOptions | None = None,
    ranges_name: str | None = None,
    present: KnobValues | None = None,
) -> PresetSection:
    """Predict the settings of a part of a song and apply the options, within the ranges.

    present: as `apply_mix_options` takes it.
    """
    stages = predict_song(predictor, song, reference, start_s, stop_s)
    predicted, applied = (predictor.console.settings(stage.knobs)[0] for stage in stages)
    console = console_of(predictor)
    if reference is not None:
        ambience = ambience_of_reference(predictor, song, reference)
        predicted, applied = ({**stage, **ambience} for stage in (predicted, applied))
    settings = apply_mix_options(
        applied,
        console.knobs,
        mix_options or MixOptions(),
        console.limits(ranges_name or blind_ranges(predictor)),
        console.shapes,
        present,
    )
    return PresetSection(start_s, settings, {k: round(v, 4) for k, v in predicted.items()})


def _present(predictor: Predictor, song: AudioFile, mix_options: MixOptions) -> KnobValues:
    """Reverb and echo of the song, if the style adds some."""
    if set(AMBIENCE_KNOBS).isdisjoint(mix_options.style_settings.offsets):
        return {}
    return ambience_of_song(predictor, song)
