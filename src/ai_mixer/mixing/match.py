"""What was done between a rough mix and its finished version, found and done again."""

import math
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.data.paired_audio import estimate_lag_s
from ai_mixer.inference.knob_fitting import KnobFit, fit_knobs, residual_db
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_options import WIDE, MixOptions, apply_mix_options
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import default_output, sidecar_paths
from ai_mixer.mixing.preset import single_section_preset
from ai_mixer.mixing.render import check_not_existing, check_output
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded

ALIGNMENT_S, ALIGNMENT_RATE_HZ = 20.0, 11_025
FIT_EXCERPT_S = 4.0  # the loudest there are: 20 s leave as little and take 1.2 GB
MIN_LENGTH_S = 1.0
FIT_RATE_HZ = 44_100
MAX_FIT_ERROR_DB = 4.0  # a difference that is left: no settings lead from the one to the other
IDLE_TOLERANCE_DB = (
    0.05  # what a compressor does that makes no more difference than this is not told
)


def match(
    mixer: AudioMixer,
    rough: Path,
    finished: Path,
    output: Path | None = None,
    *,
    mix_options: MixOptions | None = None,
    ceiling_db: float = -1.0,
    force: bool = False,
) -> MixResult:
    """Mix `rough` as `finished` was: the settings between them, at the finished one's loudness.

    Both of the same recording, which may begin some tenths of a second apart: then the settings
    are fitted. Another recording is taken for a reference, and the note says so.
    """
    output = output or default_output(rough, "matched")
    check_output(output, rough, force)
    check_output(output, finished, force)
    check_not_existing(sidecar_paths(output), force)
    sound, other = AudioFile(rough), AudioFile(finished)
    with single_threaded():
        before = measure(prefetch(sound.blocks()), sound.sample_rate)
        aim = measure(prefetch(other.blocks()), other.sample_rate)
        release_memory()
        pair = _aligned_excerpts(sound, other, aim.loudest_start_s(FIT_EXCERPT_S))
        release_memory()
        found = None if pair is None else _fit_settings(*pair)
        release_memory()
        if found is None or float(found.error_db[0]) > MAX_FIT_ERROR_DB:
            preset = mixer.predict_preset(
                sound, before, None, other, mix_options or MixOptions(), False
            )
            note = f"{finished.name} is not the same recording: taken as a reference"
        else:
            said = console_cache.shared_console().settings(found.knobs)[0]
            free = console_cache.knobs_by_name(WIDE)
            preset = single_section_preset(
                apply_mix_options(said, free, mix_options or MixOptions(), free),
                about=f"as {finished.name}",
            )
            note = f"{float(found.error_db[0]):.2f} dB are left between the mix and {finished.name}"
        preset = replace(preset, target=_target(aim), ceiling_db=ceiling_db)
        return render_with_report(sound, before, preset, output, note=note)


def _fit_settings(rough: Tensor, finished: Tensor) -> KnobFit:
    """Knobs [1, P]. Where the compressor hardly works it is off, and both gains are one.

    An idle compressor lets them be split in any way: a report of −11 dB in and +11 dB out would
    name two moves where there is none.
    """
    console = console_cache.shared_console()
    found = fit_knobs(rough, finished, console, FIT_RATE_HZ)
    said = console.settings(found.knobs)[0]
    ends = console_cache.knobs_by_name(WIDE)["output_level"]
    level = min(max(said["input_gain"] * said["output_level"], ends.low), ends.high)
    idle = {"input_gain": 1.0, "compressor_ratio": 1.0, "output_level": level}
    knobs = console.knobs_from({**said, **idle})
    left = residual_db(knobs, rough[None], finished[None], console, FIT_RATE_HZ)
    return KnobFit(knobs, left) if left <= found.error_db + IDLE_TOLERANCE_DB else found


def _target(aim: Measurements) -> float | None:
    return None if aim.silent else round(min(max(aim.loudness_lufs, -60.0), 0.0), 2)


def _aligned_excerpts(
    sound: AudioFile, other: AudioFile, start_s: float
) -> tuple[Tensor, Tensor] | None:
    """The same stretch of both, [2, T] at 44.1 kHz; None if they are not of one recording.

    start_s: where it begins in `other`. Aligned on the longer stretch around it.
    """
    shared_s = min(sound.duration_s, other.duration_s)
    if shared_s < 2 * MIN_LENGTH_S:
        return None
    heard_s, aligned_s = (
        min(most_s, shared_s - MIN_LENGTH_S) for most_s in (FIT_EXCERPT_S, ALIGNMENT_S)
    )
    start_s = min(start_s, shared_s - MIN_LENGTH_S / 2 - heard_s)
    around_s = max(0.0, min(start_s - (aligned_s - heard_s) / 2, shared_s - aligned_s))
    before, after = (
        _excerpt(single_section_preset, around_s, aligned_s, ALIGNMENT_RATE_HZ)
        for single_section_preset in (sound, other)
    )
    lag_s = estimate_lag_s(before.mean(0).numpy(), after.mean(0).numpy(), ALIGNMENT_RATE_HZ)
    if math.isnan(lag_s):
        return None
    return (
        _excerpt(sound, start_s + lag_s, heard_s, FIT_RATE_HZ),
        _excerpt(other, start_s, heard_s, FIT_RATE_HZ),
    )


def _excerpt(sound: AudioFile, start_s: float, heard_s: float, rate: int) -> Tensor:
    """[2, T], silent outside the song."""
    first, length = round(start_s * rate), round(heard_s * rate)
    return read_resampled(sound.read_samples, sound.sample_rate, first, length, rate).expand(2, -1)
