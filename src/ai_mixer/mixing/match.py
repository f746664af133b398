"""Estimate the settings between a rough mix and its finished version, and apply them."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.console import Console
from ai_mixer.dsp.levels import rms_db
from ai_mixer.inference.knob_fitting import KnobFit, fit_knobs, residual_db
from ai_mixer.mixing.alignment import align_excerpts
from ai_mixer.mixing.apply_options import apply_mix_options, unmoved_preset
from ai_mixer.mixing.audio_mixer import AudioMixer
from ai_mixer.mixing.level_notes import turned_down_notes
from ai_mixer.mixing.limiter_budget import limiter_budget_db
from ai_mixer.mixing.master import CONSOLE_NAME as MASTERING
from ai_mixer.mixing.master_settings import master_settings
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.mix_console import MixConsole, named_console
from ai_mixer.mixing.mix_options import KnobValues, MixOptions
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
from ai_mixer.mixing.preset import Preset, check_levels, single_section_preset
from ai_mixer.mixing.reference_songs import ReferenceSongs, with_equaliser
from ai_mixer.mixing.render import kept_loudness_lufs
from ai_mixer.mixing.write_mix import render_with_report
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch, single_threaded

FIT_EXCERPT_S = 4.0  # the loudest: 20 s fit no better and take 1.2 GB
FIT_RATE_HZ = 44_100
MAX_FIT_ERROR_DB = 4.0  # above it, no settings turn one version into the other
MAX_FITTED_LEVEL_DB = 10.0  # larger differences in level are left to delivery
MIN_REPORTED_LAG_S = 0.002
FITTED_WIDTHS = ("stereo_width", "high_width")  # knobs of the width above the bass
WIDTH_KNOBS = ("stereo_width", "low_width", "high_width", "mono_bass")
IDLE_KNOBS = ("input_gain", "compressor_ratio", "output_level")
ECHO_KNOBS, ECHO_TOLERANCE_DB = ("reverb", "delay"), 0.15
IDLE_TOLERANCE_DB = 0.05  # a compressor whose effect is smaller is reported as off


def match(
    mixer: AudioMixer,
    rough: Path,
    finished: Path,
    output: Path | ResultFiles | None = None,
    *,
    mix_options: MixOptions | None = None,
    ceiling_db: float = -1.0,
    max_reduction_db: float | None = None,
    console_name: str | None = None,
    force: bool = False,
) -> MixResult:
    """Mix `rough` towards `finished`, at the loudness of `finished`.

    If both are of the same recording, with any offset in time, the settings are fitted. Otherwise,
    or if no settings are close to it, `finished` is used as a reference, with a note. console_name:
    `classic` or `mastering`; default that of the mixer's model. max_reduction_db: of the limiter,
    see `limiter_budget`. ValueError if `finished` is silent.
    """
    mix_options = mix_options or MixOptions()
    check_levels(None, ceiling_db)
    console = named_console(console_name) if console_name else mixer.console()
    console.check(mix_options)
    check_songs([rough, finished])
    if not isinstance(output, ResultFiles):
        output = result_files(output or default_output(rough, "matched"))
    check_result(output, [rough, finished, *model_files(mixer.model)], force)
    song, other = (AudioFile(file, mix_options.strict) for file in (rough, finished))
    with single_threaded(), result_drafts(output, force) as drafts:
        before = measure(prefetch(song.blocks()), song.sample_rate)
        target = measure(prefetch(other.blocks()), other.sample_rate)
        if target.silent:
            raise ValueError(f"{finished}: the finished version is silent")
        release_memory()
        preset, note = _match_settings(mixer, console, song, other, before, target, mix_options)
        widths_db = width_beyond_knob(preset, target, mix_options)
        target_lufs = round(kept_loudness_lufs(target, ceiling_db), 2)
        preset = replace(
            preset,
            target_lufs=target_lufs,
            ceiling_db=ceiling_db,
            max_reduction_db=limiter_budget_db(max_reduction_db, target, ceiling_db),
        )
        return render_with_report(
            song,
            before,
            preset,
            output,
            drafts,
            notes=[note, *turned_down_notes(target, ceiling_db, finished.name)],
            others=[other],
            as_loud_as=finished.name,
            widths_db=widths_db,
        )


def width_beyond_knob(
    preset: Preset, target: Measurements, mix_options: MixOptions
) -> tuple[float, float] | None:
    """Side over mid of the finished version twice, if a fitted width is at the end of its knob.

    The equaliser of the side then does the rest. None for a width that the knob reaches, that is
    not to be matched as a whole, or that the user has set.
    """
    width_db, share = target.width_db, mix_options.share_of("width")
    if preset.equaliser or width_db is None or target.mono or share not in (None, 1.0):
        return None
    knobs = [knob for name, knob in preset.console.knobs.items() if name in FITTED_WIDTHS]
    if any(knob.name in mix_options.fixed_settings for knob in knobs):
        return None
    is_at_end = any(
        preset.settings[knob.name] <= 1.001 * knob.low
        or preset.settings[knob.name] >= 0.999 * knob.high
        for knob in knobs
    )
    return (width_db, width_db) if is_at_end else None


def _match_settings(
    mixer: AudioMixer,
    console: MixConsole,
    song: AudioFile,
    other: AudioFile,
    before: Measurements,
    target: Measurements,
    mix_options: MixOptions,
) -> tuple[Preset, str]:
    """Fitted settings of one recording, or predicted ones with `other` as a reference; a note."""
    name = other.path.name
    pair = align_excerpts(song, other, target, FIT_EXCERPT_S, FIT_RATE_HZ)
    release_memory()
    if pair is None:
        note = f"{name} is not the same recording: used as a reference"
    else:
        mono = before.mono or target.mono
        fit = _fit_settings(pair.first, pair.second, console.console, mono)
        release_memory()
        error_db = float(fit.error_db[0])
        if error_db <= MAX_FIT_ERROR_DB:
            settings = console.console.settings(fit.knobs)[0]
            preset = _preset(console, settings, mix_options, f"matched to {name}")
            notes = [f"{error_db:.2f} dB of error between the mix and {name}"]
            if abs(pair.lag_s) >= MIN_REPORTED_LAG_S:
                notes.append(_describe_lag(name, pair.lag_s))
            if mono:
                notes.append("one version is mono: the stereo width was not matched")
            return preset, "; ".join(notes)
        note = (
            f"{name} is the same recording, but no settings are close to it ({error_db:.1f} dB of "
            "error): used as a reference"
        )
    references = ReferenceSongs.read({other: 1.0}, song)
    if not references.files:
        return unmoved_preset(console, mix_options), "; ".join([note, *references.notes])
    if console.entry == MASTERING and mixer.model is None:
        settings = master_settings(song, before, console.console, references)
        preset = _preset(console, settings, mix_options, f"mastered, reference {name}")
        plain = _preset(console, settings, mix_options.plain, "").settings
        return with_equaliser(preset, song, before, references, plain, mix_options), note
    return mixer.predict_preset(song, before, None, references, mix_options, False), note


def _preset(
    console: MixConsole, settings: KnobValues, mix_options: MixOptions, about: str
) -> Preset:
    options = (console.knobs, mix_options, console.knobs, console.shapes)
    return single_section_preset(
        apply_mix_options(settings, *options), console=console, about=about
    )


def _describe_lag(name: str, lag_s: float) -> str:
    return f"{name} starts {abs(lag_s):.3f} s {'earlier' if lag_s > 0 else 'later'}"


def _fit_settings(rough: Tensor, finished: Tensor, console: Console, mono: bool) -> KnobFit:
    """Fit knobs [1, P] of the console; an idle compressor is set to off and the input gain to 1.

    mono: fit the mid only, at neutral width, as one version has no side.
    With an idle compressor only the product of input gain and output level is determined: the fit
    might report −11 dB and +11 dB for no change at all.
    """
    level_db = float(rms_db(finished[None]) - rms_db(rough[None]))
    if abs(level_db) > MAX_FITTED_LEVEL_DB:  # delivery sets the loudness of the mix anyway
        finished = finished * 10 ** (-level_db / 20)
    if mono:
        rough, finished = (x.mean(0, keepdim=True) for x in (rough, finished))
    fit = fit_knobs(rough, finished, console, FIT_RATE_HZ)
    settings = console.settings(fit.knobs)[0]
    widths = {k.name: k.neutral for k in console.knobs if k.name in WIDTH_KNOBS}
    if mono and widths:
        settings |= widths
        fit = fit._replace(knobs=console.knobs_from(settings))
    fit = _without_echoes(fit, console, rough, finished)
    settings = console.settings(fit.knobs)[0]
    if not {*IDLE_KNOBS} <= {*settings}:
        return fit
    limits = console.knobs[console.names.index("output_level")]
    level = min(max(settings["input_gain"] * settings["output_level"], limits.low), limits.high)
    idle = {"input_gain": 1.0, "compressor_ratio": 1.0, "output_level": level}
    knobs = console.knobs_from({**settings, **idle})
    error_db = residual_db(knobs, rough[None], finished[None], console, FIT_RATE_HZ)
    return KnobFit(knobs, error_db) if error_db <= fit.error_db + IDLE_TOLERANCE_DB else fit


def _without_echoes(fit: KnobFit, console: Console, rough: Tensor, finished: Tensor) -> KnobFit:
    """The fit without reverb and delay, or without one of them, unless the error is larger then.

    A codec spreads sound in time, which a fit explains by a little of both.
    """
    settings = console.settings(fit.knobs)[0]
    echoes = [name for name in ECHO_KNOBS if settings.get(name)]
    for count in range(len(echoes), 0, -1):
        for removed in combinations(echoes, count):
            knobs = console.knobs_from(settings | dict.fromkeys(removed, 0.0))
            error_db = residual_db(knobs, rough[None], finished[None], console, FIT_RATE_HZ)
            if error_db <= fit.error_db + ECHO_TOLERANCE_DB:
                return KnobFit(knobs, error_db)
    return fit
