"""Render one song and write its settings and report next to the result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ai_mixer.audio import AudioFile
from ai_mixer.mastering.delivery import MAX_REDUCTION_DB
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing import report
from ai_mixer.mixing.level_notes import THE_SONG, level_notes
from ai_mixer.mixing.matching_equaliser import FLAT
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.preview_audio import preview
from ai_mixer.mixing.reference_songs import ReferenceSongs
from ai_mixer.mixing.render import copy_subtype, render_file
from ai_mixer.utils.atomic_write import write_draft

WIDTH_TOLERANCE_DB = 0.05
QUIETER_LU = 0.1


def render_with_report(
    song: AudioFile,
    before: Measurements,
    preset: Preset,
    files: ResultFiles,
    drafts: ResultFiles,
    *,
    limit: bool = True,
    notes: Sequence[str] = (),
    others: Sequence[AudioFile] = (),
    as_loud_as: str = THE_SONG,
    widths_db: tuple[float, float] | None = None,
    min_lufs: float | None = None,
    asked: Mapping[str, str] | None = None,
) -> MixResult:
    """Render a song and write the drafts of its files. notes: additional ones.

    others: the references or finished version. as_loud_as: name of the song whose loudness the mix
    has, for notes. widths_db: lowest and highest side over mid of the result. min_lufs:
    that of the song; below it, the limiter may reduce more than the preset says. asked: by the
    user, for the report.
    """
    if preset.unchanged and copy_subtype(song, before, drafts.audio) is None:
        preset = replace(preset, unchanged=False)
    rendered = render_file(song, before, preset, drafts.audio, limit)
    side_db = _side_correction_db(rendered.measurements, widths_db)
    if side_db:
        preset = replace(preset, equaliser=(preset.equaliser or FLAT).with_side(side_db))
        rendered = render_file(song, before, preset, drafts.audio, limit)
    if min_lufs is not None and rendered.measurements.loudness_lufs < min_lufs - QUIETER_LU:
        preset = replace(preset, target_lufs=None, max_reduction_db=MAX_REDUCTION_DB)
        rendered = render_file(song, before, preset, drafts.audio, limit)
    after = rendered.measurements
    missing = [*song.missing, *(line for other in others for line in other.missing)]
    texts = [*missing, *song.repairs, *notes]
    texts += level_notes(before, rendered, preset, limit, as_loud_as)
    preset = replace(
        preset,
        song=song.path.name,
        measured={"before": before.to_dict(), "after": after.to_dict()},
    )
    result = MixResult(
        song=song.path,
        output=files.audio,
        preset=preset,
        before=before,
        after=after,
        notes=texts,
        missing=missing,
        delivered=rendered.delivered,
        asked=asked or {},
    )
    if drafts.settings:
        write_draft(drafts.settings, presets.to_json(preset))
    if drafts.report:
        sounds = preview(song, drafts.audio, before, after)
        write_draft(drafts.report, report.to_html(result, sounds))
    return result


def render_with_references(
    song: AudioFile,
    before: Measurements,
    preset: Preset,
    files: ResultFiles,
    drafts: ResultFiles,
    references: ReferenceSongs,
    others: Sequence[AudioFile],
    mix_options: MixOptions,
    asked: Mapping[str, str],
    **more: Any,
) -> MixResult:
    """`render_with_report` with notes and widths of references. others: all references given.

    more: of `render_with_report`; notes are added.
    """
    return render_with_report(
        song,
        before,
        preset,
        files,
        drafts,
        notes=[*references.notes, *more.pop("notes", ())],
        others=others,
        widths_db=references.widths_db(before, mix_options),
        asked=asked,
        **more,
    )


def _side_correction_db(after: Measurements, widths_db: tuple[float, float] | None) -> float:
    """Gain of the side that brings the width between two; 0 if it is there."""
    if widths_db is None or after.width_db is None:
        return 0.0
    inside = min(max(after.width_db, widths_db[0]), widths_db[1])
    outside_db = inside - after.width_db
    return outside_db if abs(outside_db) > WIDTH_TOLERANCE_DB else 0.0
