"""Master a stereo mix: tone, dynamics, width, and a loudness under a true-peak ceiling."""

from collections.abc import Callable
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.mixing.apply_options import apply_mix_options, unmoved_preset
from ai_mixer.mixing.master_settings import master_settings
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
from ai_mixer.mixing.reference_check import check_reference
from ai_mixer.mixing.render import kept_loudness_lufs
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded

CONSOLE_NAME = "mastering"
KEEP_LOUDNESS = "none"
DEFAULT_TARGET_LUFS = -14.0  # the playback level of the large streaming services

PredictSettings = Callable[[AudioFile, AudioFile | None], KnobValues]
"""Song and reference → settings of a model's console, in physical units."""


def master(
    path: Path,
    output: Path | ResultFiles | None = None,
    *,
    reference: Path | None = None,
    predict: PredictSettings | None = None,
    console: MixConsole | None = None,
    model: str | None = None,
    mix_options: MixOptions | None = None,
    target_lufs: float | str | None = None,
    ceiling_db: float = -1.0,
    force: bool = False,
) -> MixResult:
    """Master a song from file to file; write settings and report next to the result.

    reference: a song whose tone, dynamics, width and loudness the master approaches. predict,
    console, model: prediction, console and name of a model; default: rules and statistics
    (`master_settings`). target_lufs: as `deliver` takes it, or "none" to keep the loudness; default
    that of the reference, or −14 LUFS unless the song is louder. ValueError or OSError (one line).
    """
    console, mix_options = console or named_console(CONSOLE_NAME), mix_options or MixOptions()
    check_levels(None if target_lufs == KEEP_LOUDNESS else target_lufs, ceiling_db)
    console.check(mix_options)
    inputs = [path, *([reference] if reference else [])]
    check_songs(inputs)
    if not isinstance(output, ResultFiles):
        output = result_files(output or default_output(path, "mastered"))
    check_result(output, inputs, force)
    song = AudioFile(path, mix_options.strict)
    other = AudioFile(reference, mix_options.strict) if reference else None
    with single_threaded(), result_drafts(output, force) as drafts:
        note = check_reference(other, song) if other else ""
        before = measure(prefetch(song.blocks()), song.sample_rate)
        target = measure(prefetch(other.blocks()), other.sample_rate) if other else None
        release_memory()
        level = _target_lufs(before, target, target_lufs, ceiling_db)
        if note:
            preset = unmoved_preset(console, mix_options)
        else:
            settings = (
                predict(song, other)
                if predict
                else master_settings(song, before, console.console, other, target)
            )
            preset = _preset(console, settings, mix_options, other)
        preset = Preset(
            preset.sections, level, ceiling_db, model=model, about=preset.about, console=console
        )
        release_memory()
        return render_with_report(song, before, preset, output, drafts, note=note, other=other)


def _preset(
    console: MixConsole, settings: KnobValues, mix_options: MixOptions, other: AudioFile | None
) -> Preset:
    limits = console.limits(WIDE if other else MUSICAL)
    settings = apply_mix_options(settings, console.knobs, mix_options, limits, console.shapes)
    about = f"mastered, reference {other.path.name}" if other else "mastered"
    return single_section_preset(settings, console=console, about=about)


def _target_lufs(
    before: Measurements,
    target: Measurements | None,
    wanted: float | str | None,
    ceiling_db: float,
) -> float | str | None:
    """The target of delivery; None keeps the loudness of the song."""
    if wanted is not None:
        return None if wanted == KEEP_LOUDNESS else wanted
    if target is not None:
        return round(kept_loudness_lufs(target, ceiling_db), 2)
    if before.silent or before.loudness_lufs >= DEFAULT_TARGET_LUFS:
        return None  # a song that is louder than the target is not turned down
    return DEFAULT_TARGET_LUFS
