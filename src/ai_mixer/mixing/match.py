"""What was done between a rough mix and its finished version, found and done again."""

import math
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ai_mixer.audio import Sound
from ai_mixer.audio.excerpt import at_rate
from ai_mixer.data.paired_audio import lag
from ai_mixer.inference.knob_fitting import Fit, fit, left_db
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.measurements import Figures, measure
from ai_mixer.mixing.mix_options import FREE, Wishes, decide
from ai_mixer.mixing.mix_result import Outcome
from ai_mixer.mixing.paths import beside_names, default_output
from ai_mixer.mixing.preset import one
from ai_mixer.mixing.render import check_free, check_output
from ai_mixer.mixing.write_mix import finish
from ai_mixer.utils.memory import give_back
from ai_mixer.utils.parallel import ahead, one_thread

ALIGNED_S, ALIGN_RATE = 20.0, 11_025
HEARD_S = 4.0  # the loudest there are: 20 s leave as little and take 1.2 GB
SHORTEST_S = 1.0
FIT_RATE = 44_100
OTHER_DB = 4.0  # a difference that is left: no settings lead from the one to the other
IDLE_DB = 0.05  # what a compressor does that makes no more difference than this is not told


def match(
    mixer: AudioMixer,
    rough: Path,
    finished: Path,
    output: Path | None = None,
    *,
    wishes: Wishes | None = None,
    ceiling_db: float = -1.0,
    force: bool = False,
) -> Outcome:
    """Mix `rough` as `finished` was: the settings between them, at the finished one's loudness.

    Both of the same recording, which may begin some tenths of a second apart: then the settings
    are fitted. Another recording is taken for a reference, and the note says so.
    """
    output = output or default_output(rough, "matched")
    check_output(output, rough, force)
    check_output(output, finished, force)
    check_free(beside_names(output), force)
    sound, other = Sound(rough), Sound(finished)
    with one_thread():
        before = measure(ahead(sound.blocks()), sound.sample_rate)
        aim = measure(ahead(other.blocks()), other.sample_rate)
        give_back()
        pair = _same_excerpt(sound, other, aim.loudest_s(HEARD_S))
        give_back()
        found = None if pair is None else _fitted(*pair)
        give_back()
        if found is None or float(found.error_db[0]) > OTHER_DB:
            preset = mixer.decided(sound, before, None, other, wishes or Wishes(), False)
            note = f"{finished.name} is not the same recording: taken as a reference"
        else:
            said = console_cache.console().settings(found.knobs)[0]
            free = console_cache.knobs(FREE)
            preset = one(decide(said, free, wishes or Wishes(), free), about=f"as {finished.name}")
            note = f"{float(found.error_db[0]):.2f} dB are left between the mix and {finished.name}"
        preset = replace(preset, target=_target(aim), ceiling_db=ceiling_db)
        return finish(sound, before, preset, output, note=note)


def _fitted(rough: Tensor, finished: Tensor) -> Fit:
    """Knobs [1, P]. Where the compressor hardly works it is off, and both gains are one.

    An idle compressor lets them be split in any way: a report of −11 dB in and +11 dB out would
    name two moves where there is none.
    """
    console = console_cache.console()
    found = fit(rough, finished, console, FIT_RATE)
    said = console.settings(found.knobs)[0]
    ends = console_cache.knobs(FREE)["output_level"]
    level = min(max(said["input_gain"] * said["output_level"], ends.low), ends.high)
    idle = {"input_gain": 1.0, "compressor_ratio": 1.0, "output_level": level}
    knobs = console.knobs_from({**said, **idle})
    left = left_db(knobs, rough[None], finished[None], console, FIT_RATE)
    return Fit(knobs, left) if left <= found.error_db + IDLE_DB else found


def _target(aim: Figures) -> float | None:
    return None if aim.silent else round(min(max(aim.loudness_lufs, -60.0), 0.0), 2)


def _same_excerpt(sound: Sound, other: Sound, start_s: float) -> tuple[Tensor, Tensor] | None:
    """The same stretch of both, [2, T] at 44.1 kHz; None if they are not of one recording.

    start_s: where it begins in `other`. Aligned on the longer stretch around it.
    """
    shared_s = min(sound.duration_s, other.duration_s)
    if shared_s < 2 * SHORTEST_S:
        return None
    heard_s, aligned_s = (min(most_s, shared_s - SHORTEST_S) for most_s in (HEARD_S, ALIGNED_S))
    start_s = min(start_s, shared_s - SHORTEST_S / 2 - heard_s)
    around_s = max(0.0, min(start_s - (aligned_s - heard_s) / 2, shared_s - aligned_s))
    before, after = (_excerpt(one, around_s, aligned_s, ALIGN_RATE) for one in (sound, other))
    lag_s = lag(before.mean(0).numpy(), after.mean(0).numpy(), ALIGN_RATE)
    if math.isnan(lag_s):
        return None
    return (
        _excerpt(sound, start_s + lag_s, heard_s, FIT_RATE),
        _excerpt(other, start_s, heard_s, FIT_RATE),
    )


def _excerpt(sound: Sound, start_s: float, heard_s: float, rate: int) -> Tensor:
    """[2, T], silent outside the song."""
    first, length = round(start_s * rate), round(heard_s * rate)
    return at_rate(sound.span, sound.sample_rate, first, length, rate).expand(2, -1)
