"""Estimate the settings between a rough mix and its finished version, and apply them."""

import math
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.audio.excerpt import read_resampled
from ai_mixer.console import Console
from ai_mixer.data.paired_audio import estimate_lag_s
from ai_mixer.inference.knob_fitting import KnobFit, fit_knobs, residual_db
from ai_mixer.mixing.apply_options import apply_mix_options
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_options import MixOptions
from ai_mixer.mixing.mix_result import MixResult
from ai_mixer.mixing.paths import (
    ResultFiles,
    check_result,
    check_songs,
    default_output,
    model_files,
    result_drafts,
    result_files,
)
from ai_mixer.mixing.preset import check_levels, single_section_preset
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded

ALIGNMENT_S, ALIGNMENT_RATE_HZ = 20.0, 11_025
FIT_EXCERPT_S = 4.0  # the loudest: 20 s fit no better and take 1.2 GB
MIN_LENGTH_S = 1.0
FIT_RATE_HZ = 44_100
MAX_FIT_ERROR_DB = 4.0  # above it, no settings turn one version into the other
IDLE_KNOBS = ("input_gain", "compressor_ratio", "output_level")
IDLE_TOLERANCE_DB = 0.05  # a compressor whose effect is smaller is reported as off


def match(
    mixer: AudioMixer,
    rough: Path,
    finished: Path,
    output: Path | ResultFiles | None = None,
    *,
    mix_options: MixOptions | None = None,
    ceiling_db: float = -1.0,
    force: bool = False,
) -> MixResult:
    """Mix `rough` towards `finished`, at the loudness of `finished`.

    If both are of the same recording (with an offset of up to some tenths of a second), the
    settings are fitted. Otherwise `finished` is used as a reference, with a note.
    """
    mix_options = mix_options or MixOptions()
    check_levels(None, ceiling_db)
    console = mixer.console()
    console.check(mix_options)
    check_songs([rough, finished])
    if not isinstance(output, ResultFiles):
        output = result_files(output or default_output(rough, "matched"))
    check_result(output, [rough, finished, *model_files(mixer.model)], force)
    song, other = (AudioFile(file, mix_options.strict) for file in (rough, finished))
    with single_threaded(), result_drafts(output, force) as drafts:
        before = measure(prefetch(song.blocks()), song.sample_rate)
        target = measure(prefetch(other.blocks()), other.sample_rate)
        release_memory()
        pair = _aligned_excerpts(song, other, target.loudest_start_s(FIT_EXCERPT_S))
        release_memory()
        fit = None if pair is None else _fit_settings(*pair, console.console)
        release_memory()
        if fit is None or float(fit.error_db[0]) > MAX_FIT_ERROR_DB:
            preset = mixer.predict_preset(song, before, None, other, mix_options, False)
            note = f"{finished.name} is not the same recording: used as a reference"
        else:
            settings = console.console.settings(fit.knobs)[0]
            knobs = console.knobs
            preset = single_section_preset(
                apply_mix_options(settings, knobs, mix_options, knobs),
                console=console,
                about=f"matched to {finished.name}",
            )
            note = f"{float(fit.error_db[0]):.2f} dB of error between the mix and {finished.name}"
        preset = replace(preset, target_lufs=_target_lufs(target), ceiling_db=ceiling_db)
        return render_with_report(song, before, preset, output, drafts, note=note, other=other)


def _fit_settings(rough: Tensor, finished: Tensor, console: Console) -> KnobFit:
    """Fit knobs [1, P] of the console; an idle compressor is set to off and the input gain to 1.

    With an idle compressor only the product of input gain and output level is determined: the fit
    might report −11 dB and +11 dB for no change at all.
    """
    fit = fit_knobs(rough, finished, console, FIT_RATE_HZ)
    settings = console.settings(fit.knobs)[0]
    if not {*IDLE_KNOBS} <= {*settings}:
        return fit
    limits = console.knobs[console.names.index("output_level")]
    level = min(max(settings["input_gain"] * settings["output_level"], limits.low), limits.high)
    idle = {"input_gain": 1.0, "compressor_ratio": 1.0, "output_level": level}
    knobs = console.knobs_from({**settings, **idle})
    error_db = residual_db(knobs, rough[None], finished[None], console, FIT_RATE_HZ)
    return KnobFit(knobs, error_db) if error_db <= fit.error_db + IDLE_TOLERANCE_DB else fit


def _target_lufs(target: Measurements) -> float | None:
    return None if target.silent else round(min(max(target.loudness_lufs, -60.0), 0.0), 2)


def _aligned_excerpts(
    song: AudioFile, other: AudioFile, start_s: float
) -> tuple[Tensor, Tensor] | None:
    """The same excerpt of both, [2, T] at 44.1 kHz; None if they are not of one recording.

    start_s: start of the excerpt in `other`. The alignment uses a longer excerpt around it.
    """
    shared_s = min(song.duration_s, other.duration_s)
    if shared_s < 2 * MIN_LENGTH_S:
        return None
    fit_s, alignment_s = (
        min(length_s, shared_s - MIN_LENGTH_S) for length_s in (FIT_EXCERPT_S, ALIGNMENT_S)
    )
    start_s = min(start_s, shared_s - MIN_LENGTH_S / 2 - fit_s)
    alignment_start_s = max(0.0, min(start_s - (alignment_s - fit_s) / 2, shared_s - alignment_s))
    before, after = (
        _excerpt(file, alignment_start_s, alignment_s, ALIGNMENT_RATE_HZ) for file in (song, other)
    )
    lag_s = estimate_lag_s(before.mean(0).numpy(), after.mean(0).numpy(), ALIGNMENT_RATE_HZ)
    if math.isnan(lag_s):
        return None
    return (
        _excerpt(song, start_s + lag_s, fit_s, FIT_RATE_HZ),
        _excerpt(other, start_s, fit_s, FIT_RATE_HZ),
    )


def _excerpt(song: AudioFile, start_s: float, length_s: float, rate: int) -> Tensor:
    """[2, T], silent outside the song."""
    first, length = round(start_s * rate), round(length_s * rate)
    return read_resampled(song.read_samples, song.sample_rate, first, length, rate).expand(2, -1)
