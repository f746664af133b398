"""Enhancement without a model: a gentle balance, a little more life, the same level."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import AudioFile
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_options import GENTLE, MixOptions, apply_mix_options
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import default_output, sidecar_paths
from ai_mixer.mixing.preset import Preset, single_section_preset
from ai_mixer.mixing.render import check_not_existing, check_output, mixed_blocks
from ai_mixer.mixing.typical_balance import balance_correction
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.parallel import prefetch, single_threaded

BALANCE_AMOUNT = 0.5  # of the way to the usual balance
CREST_GAIN_DB = (0.2, 0.5)  # what the crest factor is to gain
TARGET_CREST_GAIN_DB = 0.35
MAX_ITERATIONS = 4
MAX_EXPANSION_DB = 3.0


def enhance(
    path: Path,
    output: Path | None = None,
    *,
    mix_options: MixOptions | None = None,
    ceiling_db: float = -1.0,
    force: bool = False,
) -> MixResult:
    """A song from file to file, with settings and report beside it. No peak is limited: where the
    ceiling leaves no room, the song becomes quieter, and a note says so.
    """
    output = output or default_output(path, "enhanced")
    check_output(output, path, force)
    check_not_existing(sidecar_paths(output), force)
    sound = AudioFile(path)
    with single_threaded():
        before = measure(prefetch(sound.blocks()), sound.sample_rate)
        predicted = {} if before.silent else balance_correction(before, BALANCE_AMOUNT)
        settings = apply_mix_options(
            predicted,
            console_cache.knobs_by_name(),
            mix_options or MixOptions(),
            console_cache.knobs_by_name(GENTLE),
        )
        preset = single_section_preset(
            settings, ceiling_db=ceiling_db, about="enhanced, without a model"
        )
        preset = replace(preset, expand_db=find_expansion_db(sound, preset, before))
        return render_with_report(sound, before, preset, output, limit=False)


def find_expansion_db(sound: AudioFile, preset: Preset, before: Measurements) -> float:
    """How much expansion lifts the crest factor by 0.2 to 0.5 dB; found by trying."""
    if before.silent:
        return 0.0
    flat = _crest_db(sound, preset, before)
    lift, best = TARGET_CREST_GAIN_DB, (float("inf"), 0.0)
    for _ in range(MAX_ITERATIONS):
        gained = _crest_db(sound, replace(preset, expand_db=lift), before) - flat
        best = min(best, (abs(gained - TARGET_CREST_GAIN_DB), lift))
        if CREST_GAIN_DB[0] <= gained <= CREST_GAIN_DB[1]:
            return round(lift, 4)
        lift = min(lift * TARGET_CREST_GAIN_DB / max(gained, 0.05), MAX_EXPANSION_DB)
    return round(best[1], 4)


def _crest_db(sound: AudioFile, preset: Preset, before: Measurements) -> float:
    """Crest factor of the mix, dB."""
    highest, power, count = 0.0, 0.0, 0
    for block in prefetch(mixed_blocks(sound, preset, before)):
        highest = max(highest, float(block.abs().max()))
        power += float(block.double().square().sum())
        count += block.numel()
    from math import log10

    return 20 * log10(max(highest, 1e-9)) - 10 * log10(max(power / count, 1e-18))
