"""Master a stereo mix: tone, dynamics, width, and a loudness under a true-peak ceiling."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.apply_options import apply_mix_options, unmoved_preset
from ai_mixer.mixing.delivery_set import check_delivery, write_delivery
from ai_mixer.mixing.level_notes import MIN_QUIETER_LU
from ai_mixer.mixing.limiter_budget import LIMITER_BUDGET_DB, is_over
from ai_mixer.mixing.loudness_target import (
    KEEP_LOUDNESS,
    NAMED_TARGETS,
    REFERENCE_LOUDNESS,
    check_target,
)
from ai_mixer.mixing.master_settings import (
    DEFAULT_INTENSITY,
    INTENSITIES,
    check_intensity,
    master_settings,
    with_intensity,
)
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_console import MixConsole, named_console
from ai_mixer.mixing.mix_options import MUSICAL, WIDE, KnobValues, MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import (
    ResultFiles,
    check_result,
    check_songs,
    default_output,
    result_drafts,
    result_files,
)
from ai_mixer.mixing.preset import Preset, check_levels, single_section_preset
from ai_mixer.mixing.reference_songs import (
    MODEL_SHARE,
    References,
    ReferenceSongs,
    reference_weights,
    with_equaliser,
)
from ai_mixer.mixing.render import kept_loudness_lufs
from ai_mixer.mixing.request import describe_request
from ai_mixer.mixing.write_mix import render_with_references
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded

CONSOLE_NAME = "mastering"
DEFAULT_TARGET_LUFS = -14.0  # the playback level of the large streaming services

PredictSettings = Callable[[AudioFile, AudioFile | None], KnobValues]
"""Song and reference → settings of a model's console, in physical units."""


def master(
    path: Path,
    output: Path | ResultFiles | None = None,
    *,
    reference: References | None = None,
    predict: PredictSettings | None = None,
    console: MixConsole | None = None,
    model: str | None = None,
    mix_options: MixOptions | None = None,
    target_lufs: float | str | None = None,
    ceiling_db: float = -1.0,
    intensity: str | None = None,
    max_reduction_db: float | None = None,
    delivery_set: bool = False,
    force: bool = False,
) -> MixResult:
    """Master a song from file to file; write settings and report next to the result.

    reference: songs whose tone, dynamics, width and loudness the master approaches. predict,
    console, model: prediction, console and name of a model; default: rules and statistics
    (`master_settings`). target_lufs: as `deliver` takes it, "none" to keep the loudness, or
    "reference", the default with one if the level is matched; otherwise −14 LUFS unless the song is
    louder. intensity: a key of INTENSITIES, without a reference or a model. max_reduction_db: of
    the limiter; None for 3 dB, and more only to keep the loudness of a song whose peaks are under
    the ceiling, unless a lower one is asked for.
    delivery_set: also write the files of `delivery_set`. ValueError or OSError (one line).
    """
    console, mix_options = console or named_console(CONSOLE_NAME), mix_options or MixOptions()
    weights = reference_weights(reference)
    check_target(target_lufs, weights)
    check_levels(None if target_lufs in NAMED_TARGETS else target_lufs, ceiling_db)
    mix_options = with_intensity(mix_options, intensity)
    check_intensity(intensity, weights, predict is not None, mix_options.style)
    console.check(mix_options)
    inputs = [path, *weights]
    check_songs(inputs)
    if not isinstance(output, ResultFiles):
        output = result_files(output or default_output(path, "mastered"))
    check_result(output, inputs, force)
    if delivery_set:
        check_delivery(output.audio, output.paths(), inputs, force)
    song = AudioFile(path, mix_options.strict)
    others = {AudioFile(file, mix_options.strict): weight for file, weight in weights.items()}
    with single_threaded(), result_drafts(output, force) as drafts:
        before = measure(prefetch(song.blocks()), song.sample_rate)
        references = ReferenceSongs.read(others, song)
        release_memory()
        level = _target_lufs(before, references, mix_options, target_lufs, ceiling_db)
        if others and not references.files:
            preset = unmoved_preset(console, mix_options)
        elif predict:
            settings = predict(song, references.heaviest if references.files else None)
            preset = _preset(console, settings, mix_options, references)
        else:
            known = references if references.files else None
            level_of = INTENSITIES[intensity or DEFAULT_INTENSITY]
            settings = master_settings(song, before, console.console, known, level_of)
            preset = _preset(console, settings, mix_options, references)
        if references.files:
            plain = _preset(console, settings, mix_options.plain, references).settings
            share = MODEL_SHARE if predict and mix_options.amount is None else 1.0
            preset = with_equaliser(preset, song, before, references, plain, mix_options, share)
        preset = replace(
            preset,
            target_lufs=level,
            ceiling_db=ceiling_db,
            model=model,
            max_reduction_db=LIMITER_BUDGET_DB if max_reduction_db is None else max_reduction_db,
        )
        release_memory()
        of_reference = bool(references.files) and mix_options.matches("level")
        may_exceed = max_reduction_db is None and not of_reference
        is_default = target_lufs is None or target_lufs == REFERENCE_LOUDNESS
        asked = describe_request(
            mix_options,
            target_lufs,
            intensity=intensity,
            reference=references.names,
            limiter_at_most=max_reduction_db,
        )
        result = render_with_references(
            song,
            before,
            preset,
            output,
            drafts,
            references,
            list(others),
            mix_options,
            asked,
            notes=_quieter_notes(before, preset, references) if of_reference and is_default else (),
            min_lufs=_min_lufs(before, preset) if may_exceed else None,
        )
    if not delivery_set:
        return result
    # A limiter that had to keep the loudness of the song has no such task in the set.
    own = replace(result.preset, max_reduction_db=preset.max_reduction_db)
    files = write_delivery(song, before, own, output.audio, force)
    return result._replace(files=files)


def _min_lufs(before: Measurements, preset: Preset) -> float | None:
    """The loudness that the limiter's budget must not cost; None if less is asked for.

    None also for a song whose peaks are over the ceiling: see `limiter_budget`.
    """
    target_lufs, kept_lufs = preset.target_lufs, kept_loudness_lufs(before, preset.ceiling_db)
    if before.silent or is_over(before, preset.ceiling_db) or isinstance(target_lufs, str):
        return None
    return kept_lufs if target_lufs is None or target_lufs >= kept_lufs else None


def _quieter_notes(
    before: Measurements, preset: Preset, references: ReferenceSongs
) -> Sequence[str]:
    """A note if the loudness of the references is below that of the song."""
    target_lufs = preset.target_lufs
    if before.silent or not isinstance(target_lufs, float):
        return ()
    quieter = before.loudness_lufs - target_lufs
    if quieter < MIN_QUIETER_LU:
        return ()
    return (
        f"{quieter:.1f} LU quieter than it came: the loudness of {references.names}; "
        f"--target {KEEP_LOUDNESS} keeps that of the song",
    )


def _preset(
    console: MixConsole, settings: KnobValues, mix_options: MixOptions, references: ReferenceSongs
) -> Preset:
    limits = console.limits(WIDE if references.files else MUSICAL)
    settings = apply_mix_options(settings, console.knobs, mix_options, limits, console.shapes)
    about = f"mastered, reference {references.names}" if references.files else "mastered"
    return single_section_preset(settings, console=console, about=about)


def _target_lufs(
    before: Measurements,
    references: ReferenceSongs,
    mix_options: MixOptions,
    wanted: float | str | None,
    ceiling_db: float,
) -> float | str | None:
    """The target of delivery; None keeps the loudness of the song."""
    if wanted == REFERENCE_LOUDNESS or (wanted is None and mix_options.matches("level")):
        if references.files:
            return round(references.loudness_lufs(ceiling_db), 2)
        wanted = None
    if wanted is not None:
        return None if wanted == KEEP_LOUDNESS else wanted
    default_lufs = mix_options.style_settings.target_lufs or DEFAULT_TARGET_LUFS
    if before.silent or before.loudness_lufs >= float(default_lufs):
        return None  # a song that is louder than the target is not turned down
    return default_lufs
