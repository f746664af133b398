"""Enhancement without a model: correct the spectral balance, raise the crest, keep the level."""

from dataclasses import replace
from math import log10
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.mastering.delivery import turn_down_db
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.formatting import with_minus
from ai_mixer.mixing.limiter_budget import limiter_budget_db
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_console import default_console
from ai_mixer.mixing.mix_options import GENTLE, MixOptions
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
from ai_mixer.mixing.render import mixed_blocks
from ai_mixer.mixing.request import describe_request
from ai_mixer.mixing.typical_balance import balance_correction
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.parallel import prefetch, single_threaded

BALANCE_AMOUNT = 0.5  # share of the difference to the typical balance
CREST_GAIN_DB = (0.2, 0.5)  # accepted increase of the crest factor
TARGET_CREST_GAIN_DB = 0.35
MAX_ITERATIONS = 4
MAX_EXPANSION_DB = 3.0


def enhance(
    path: Path,
    output: Path | ResultFiles | None = None,
    *,
    mix_options: MixOptions | None = None,
    ceiling_db: float = -1.0,
    max_reduction_db: float | None = None,
    force: bool = False,
) -> MixResult:
    """Enhance a song from file to file; write settings and report next to the result.

    The loudness is kept. The crest is raised where the peaks have the headroom for it; otherwise
    the limiter holds them, with a note. max_reduction_db: of the limiter, see `limiter_budget`.
    """
    mix_options = mix_options or MixOptions()
    check_levels(None, ceiling_db)
    default_console().check(mix_options)
    check_songs([path])
    if not isinstance(output, ResultFiles):
        output = result_files(output or default_output(path, "enhanced"))
    check_result(output, [path], force)
    song = AudioFile(path, mix_options.strict)
    with single_threaded(), result_drafts(output, force) as drafts:
        before = measure(prefetch(song.blocks()), song.sample_rate)
        predicted = {} if before.silent else balance_correction(before, BALANCE_AMOUNT)
        settings = apply_mix_options(
            predicted,
            console_cache.knobs_by_name(),
            mix_options,
            console_cache.knobs_by_name(GENTLE),
        )
        preset = single_section_preset(
            settings,
            ceiling_db=ceiling_db,
            max_reduction_db=limiter_budget_db(max_reduction_db, before, ceiling_db),
            about="enhanced, without a model",
        )
        has_headroom = before.true_peak_db + CREST_GAIN_DB[1] <= ceiling_db
        notes = []
        if has_headroom or before.silent:
            preset = replace(preset, expand_db=find_expansion_db(song, preset, before))
        elif turn_down_db(before.true_peak_db, ceiling_db) == 0:
            notes = [
                with_minus(f"peaks of {before.true_peak_db:.1f} dBTP leave no headroom: ")
                + "they are not raised"
            ]
        asked = describe_request(mix_options, None, limiter_at_most=max_reduction_db)
        return render_with_report(song, before, preset, output, drafts, notes=notes, asked=asked)


def find_expansion_db(song: AudioFile, preset: Preset, before: Measurements) -> float:
    """Search the expansion that raises the crest factor by 0.2 to 0.5 dB."""
    if before.silent:
        return 0.0
    unexpanded_db = _crest_db(song, preset, before)
    expand_db, best = TARGET_CREST_GAIN_DB, (float("inf"), 0.0)
    for _ in range(MAX_ITERATIONS):
        gain_db = _crest_db(song, replace(preset, expand_db=expand_db), before) - unexpanded_db
        best = min(best, (abs(gain_db - TARGET_CREST_GAIN_DB), expand_db))
        if CREST_GAIN_DB[0] <= gain_db <= CREST_GAIN_DB[1]:
            return round(expand_db, 4)
        expand_db = min(expand_db * TARGET_CREST_GAIN_DB / max(gain_db, 0.05), MAX_EXPANSION_DB)
    return round(best[1], 4)


def _crest_db(song: AudioFile, preset: Preset, before: Measurements) -> float:
    """Crest factor of the mix, dB."""
    peak, power, count = 0.0, 0.0, 0
    for block in prefetch(mixed_blocks(song, preset, before)):
        peak = max(peak, float(block.abs().max()))
        power += float(block.double().square().sum())
        count += block.numel()
    return 20 * log10(max(peak, 1e-9)) - 10 * log10(max(power / count, 1e-18))
