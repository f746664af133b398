"""Render one song, and write its settings and report next to the result."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import Sound
from ai_mixer.mixing import preset as presets
from ai_mixer.mixing import report
from ai_mixer.mixing.measurements import Figures
from ai_mixer.mixing.mix_result import Outcome
from ai_mixer.mixing.paths import beside_names
from ai_mixer.mixing.preset import Preset
from ai_mixer.mixing.render import Rendered, render_file

SHOWN_DB = 0.05  # a peak over its ceiling by less is not seen in a figure


def finish(
    sound: Sound,
    before: Figures,
    preset: Preset,
    output: Path,
    *,
    beside: bool = True,
    limit: bool = True,
    note: str = "",
) -> Outcome:
    """Render, and write settings and report beside the result. note: one more to be told."""
    rendered = render_file(sound, before, preset, output, limit)
    after = rendered.figures
    notes = [*sound.warnings, *([note] if note else [])]
    notes += _noted(before, rendered, preset.ceiling_db, limit)
    preset = replace(
        preset, song=sound.path.name, measured={"before": before.plain(), "after": after.plain()}
    )
    outcome = Outcome(sound.path, output, preset, before, after, notes)
    if beside:
        settings, page = beside_names(output)
        presets.save(preset, settings)
        report.save(outcome, page)
    return outcome


def _noted(before: Figures, rendered: Rendered, ceiling_db: float, limit: bool) -> list[str]:
    """What a musician would ask about the level of the result."""
    after, notes = rendered.figures, []
    quieter = before.loudness_lufs - after.loudness_lufs
    if before.silent:
        notes.append("the song is silent")
    elif not rendered.delivered.reached and limit:
        notes.append(
            f"asked for {rendered.delivered.target_lufs:.1f} LUFS: more than "
            f"{after.loudness_lufs:.1f} would damage its peaks"
        )
    elif not limit and quieter > 0.1:
        notes.append(f"{quieter:.1f} LU quieter, to keep its peaks whole")
    if after.true_peak_db > ceiling_db + SHOWN_DB:
        notes.append(
            f"peaks at {after.true_peak_db:.1f} dBTP, over the ceiling of {ceiling_db:.1f}: "
            "the encoder added that; --ceiling lower leaves it room"
        )
    return notes
