"""Mix one song with a model or a preset, from file to file."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.inference import pretrained
from ai_mixer.mixing.apply_options import unmoved_preset
from ai_mixer.mixing.limiter_budget import limiter_budget_db
from ai_mixer.mixing.loudness_target import REFERENCE_LOUDNESS, check_target
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_console import console_of
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.model_lookup import resolve_model
from ai_mixer.mixing.model_settings import predict_preset
from ai_mixer.mixing.paths import (
    ResultFiles,
    check_result,
    check_songs,
    default_output,
    model_files,
    result_drafts,
    result_files,
)
from ai_mixer.mixing.preset import Preset, check_levels
from ai_mixer.mixing.reference_songs import References, ReferenceSongs, reference_weights
from ai_mixer.mixing.render import kept_loudness_lufs
from ai_mixer.mixing.request import describe_request
from ai_mixer.mixing.write_mix import render_with_references
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded

DEFAULT_CEILING_DB = -1.0


def mix(
    path: Path,
    output: Path | ResultFiles | None = None,
    *,
    model: str | None = None,
    reference: References | None = None,
    preset: Preset | None = None,
    mix_options: MixOptions | None = None,
    target_lufs: float | str | None = None,
    ceiling_db: float | None = None,
    max_reduction_db: float | None = None,
    adaptive: bool = False,
    force: bool = False,
    write_sidecars: bool = True,
) -> MixResult:
    """Mix a song from file to file: see `AudioMixer.mix_file`."""
    mix_options = mix_options or MixOptions()
    is_of_style = target_lufs is None
    if is_of_style:
        target_lufs = mix_options.style_settings.target_lufs
    if target_lufs is None and "level" in mix_options.aspects:
        target_lufs = REFERENCE_LOUDNESS
    weights = reference_weights(reference)
    levels = target_lufs, ceiling_db, max_reduction_db
    asks = replace(mix_options, strict=False) != MixOptions() or bool(weights)
    may_copy = not asks and all(level is None for level in levels)
    ceiling_db = DEFAULT_CEILING_DB if ceiling_db is None else ceiling_db
    check_target(target_lufs, weights)
    check_levels(None if target_lufs == REFERENCE_LOUDNESS else target_lufs, ceiling_db)
    if preset is None:
        console_of(resolve_model(model, blind=not weights)[1]).check(mix_options)
    check_songs([path, *weights])
    if not isinstance(output, ResultFiles):
        output = result_files(output or default_output(path), write_sidecars)
    check_result(output, [path, *weights, *model_files(model)], force)
    song = AudioFile(path, mix_options.strict)
    others = {AudioFile(file, mix_options.strict): weight for file, weight in weights.items()}
    with single_threaded(), result_drafts(output, force) as drafts:
        before = measure(prefetch(song.blocks()), song.sample_rate)
        references = ReferenceSongs.read({} if preset else others, song)
        release_memory()
        if preset is None:
            preset = _predicted(song, before, model, references, mix_options, adaptive)
            target_lufs = _target_lufs(target_lufs, is_of_style, before, references, ceiling_db)
            kept = before if target_lufs is None else None
            preset = replace(
                preset,
                target_lufs=target_lufs,
                ceiling_db=ceiling_db,
                max_reduction_db=limiter_budget_db(max_reduction_db, kept, ceiling_db),
                unchanged=may_copy and preset.is_neutral,
            )
            release_memory()
        asked = describe_request(
            mix_options, target_lufs, reference=references.names, limiter_at_most=max_reduction_db
        )
        return render_with_references(
            song, before, preset, output, drafts, references, list(others), mix_options, asked
        )


def predict_song_preset(
    song: AudioFile,
    before: Measurements,
    model: str | None,
    references: ReferenceSongs | None,
    mix_options: MixOptions,
    adaptive: bool,
) -> Preset:
    """Predict the settings of a song with a named model: see `model_settings.predict_preset`."""
    name, predictor = resolve_model(model, blind=references is None)
    title = pretrained.display_name(name) if name in pretrained.list_models() else name
    preset = predict_preset(predictor, title, song, before, references, mix_options, adaptive)
    return replace(preset, model=name)


def _predicted(
    song: AudioFile,
    before: Measurements,
    model: str | None,
    references: ReferenceSongs,
    mix_options: MixOptions,
    adaptive: bool,
) -> Preset:
    """Predicted settings; unmoved ones if no reference can be measured."""
    if references.notes and not references.files:
        return unmoved_preset(console_of(resolve_model(model)[1]), mix_options)
    known = references if references.files else None
    return predict_song_preset(song, before, model, known, mix_options, adaptive)


def _target_lufs(
    wanted: float | str | None,
    is_of_style: bool,
    before: Measurements,
    references: ReferenceSongs,
    ceiling_db: float,
) -> float | str | None:
    """The target of delivery; None keeps the loudness of the song."""
    if wanted == REFERENCE_LOUDNESS:
        if not references.files:
            return None
        wanted = round(references.loudness_lufs(ceiling_db), 2)
    if is_of_style and isinstance(wanted, float | int):
        return None if kept_loudness_lufs(before, ceiling_db) > wanted else wanted
    return wanted
