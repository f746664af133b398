"""Render one song and write its settings and report next to the result."""

from dataclasses import replace

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing import report
from ai_mixer.mixing.level_notes import THE_SONG, level_notes
from ai_mixer.mixing.measurements import Measurements
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import ResultFiles
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import render_file
from ai_mixer.utils.atomic_write import write_draft


def render_with_report(
    song: AudioFile,
    before: Measurements,
    preset: Preset,
    files: ResultFiles,
    drafts: ResultFiles,
    *,
    limit: bool = True,
    note: str = "",
    other: AudioFile | None = None,
    as_loud_as: str = THE_SONG,
) -> MixResult:
    """Render a song and write the drafts of its files. note: an additional one.

    other: the reference or finished version. as_loud_as: name of the song whose loudness the mix
    has, for notes.
    """
    rendered = render_file(song, before, preset, drafts.audio, limit)
    after = rendered.measurements
    missing = [*song.missing, *(other.missing if other else ())]
    notes = [*missing, *song.repairs, *([note] if note else [])]
    notes += level_notes(before, rendered, preset, limit, as_loud_as)
    preset = replace(
        preset,
        song=song.path.name,
        measured={"before": before.to_dict(), "after": after.to_dict()},
    )
    result = MixResult(song.path, files.audio, preset, before, after, notes, missing)
    if drafts.settings:
        write_draft(drafts.settings, presets.to_json(preset))
    if drafts.report:
        write_draft(drafts.report, report.to_html(result))
    return result
