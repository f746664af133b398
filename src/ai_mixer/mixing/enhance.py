"""Enhancement without a model: a gentle balance, a little more life, the same level."""

from dataclasses import replace
from pathlib import Path

from ai_mixer.audio import Sound
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.measurements import Figures, measure
from ai_mixer.mixing.mix_options import GENTLE, Wishes, decide
from ai_mixer.mixing.mix_result import Outcome
from ai_mixer.mixing.paths import beside_names, default_output
from ai_mixer.mixing.preset import Preset, one
from ai_mixer.mixing.typical_balance import balance
from ai_mixer.mixing.render import check_free, check_output, mixed
from ai_mixer.mixing.write_mix import finish
from ai_mixer.utils.parallel import ahead, one_thread

SHARE = 0.5  # of the way to the usual balance
CREST_DB = (0.2, 0.5)  # what the crest factor is to gain
AIM_DB = 0.35
ROUNDS = 4
MOST_DB = 3.0


def enhance(
    path: Path,
    output: Path | None = None,
    *,
    wishes: Wishes | None = None,
    ceiling_db: float = -1.0,
    force: bool = False,
) -> Outcome:
    """A song from file to file, with settings and report beside it. No peak is limited: where the
    ceiling leaves no room, the song becomes quieter, and a note says so.
    """
    output = output or default_output(path, "enhanced")
    check_output(output, path, force)
    check_free(beside_names(output), force)
    sound = Sound(path)
    with one_thread():
        before = measure(ahead(sound.blocks()), sound.sample_rate)
        said = {} if before.silent else balance(before, SHARE)
        settings = decide(
            said, console_cache.knobs(), wishes or Wishes(), console_cache.knobs(GENTLE)
        )
        preset = one(settings, ceiling_db=ceiling_db, about="enhanced, without a model")
        preset = replace(preset, expand_db=lift_db(sound, preset, before))
        return finish(sound, before, preset, output, limit=False)


def lift_db(sound: Sound, preset: Preset, before: Figures) -> float:
    """How much expansion lifts the crest factor by 0.2 to 0.5 dB; found by trying."""
    if before.silent:
        return 0.0
    flat = _crest(sound, preset, before)
    lift, best = AIM_DB, (float("inf"), 0.0)
    for _ in range(ROUNDS):
        gained = _crest(sound, replace(preset, expand_db=lift), before) - flat
        best = min(best, (abs(gained - AIM_DB), lift))
        if CREST_DB[0] <= gained <= CREST_DB[1]:
            return round(lift, 4)
        lift = min(lift * AIM_DB / max(gained, 0.05), MOST_DB)
    return round(best[1], 4)


def _crest(sound: Sound, preset: Preset, before: Figures) -> float:
    """Crest factor of the mix, dB."""
    highest, power, count = 0.0, 0.0, 0
    for block in ahead(mixed(sound, preset, before)):
        highest = max(highest, float(block.abs().max()))
        power += float(block.double().square().sum())
        count += block.numel()
    from math import log10

    return 20 * log10(max(highest, 1e-9)) - 10 * log10(max(power / count, 1e-18))
