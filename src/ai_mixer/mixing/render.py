"""Render a song from file to file: console, delivery, check of the written file."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile, format_of, write_audio
from ai_mixer.audio.extras import carry_extras
from ai_mixer.audio.formats import choose_subtype, writable_sample_rate
from ai_mixer.audio.resample_blocks import resample_blocks
from ai_mixer.mastering.delivery import (
    MIN_TARGET_LUFS,
    DeliveryResult,
    deliver_blocks,
    loudness_bounds,
    turn_down_db,
)
from ai_mixer.mixing.expander import expand
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.preset import Preset
from ai_mixer.utils.block_cache import BlockCache, BlockSource
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch

MAX_ENCODING_ATTEMPTS = 4  # of a lossy file, until the decoded peaks are below the ceiling
# Lossy encoders raise peaks by up to 0.34 dB (eight songs as MP3 and as Ogg Vorbis).
ENCODER_PEAK_GAIN_DB = 0.35
ENCODER_MARGIN_DB = 0.05
MAX_CACHED_BYTES = 128 << 20  # of a rendered song: six minutes of stereo at 44.1 kHz
TRANSITION_S = 4.0  # between the settings of two sections, centred on the border


class RenderResult(NamedTuple):
    """Measurements of the written file, read back, and the result of delivery."""

    measurements: Measurements
    delivered: DeliveryResult


def render_file(
    song: AudioFile,
    before: Measurements,
    preset: Preset,
    draft: Path,
    limit: bool = True,
    subtype: str | None = None,
) -> RenderResult:
    """Render a song with a preset and write it to `draft`, a temporary file.

    limit: use the limiter; False lowers the level instead where peaks exceed the ceiling. subtype:
    of libsndfile, such as PCM_24; default that of the song. A format that does not have the sample
    rate of the song is resampled. OSError or ValueError (one line).
    """
    if preset.unchanged:
        return _copy(song, before, draft, subtype)
    raw = BlockCache(
        lambda: prefetch(mixed_blocks(song, preset, before)),
        _cached_frames(song, MAX_CACHED_BYTES),
    )
    lossy, bounds_lufs = format_of(draft).lossy, target_bounds_lufs(preset, before)
    max_reduction_db = preset.max_reduction_db if limit else 0.0
    attempts, ceiling_db = 1, preset.ceiling_db
    if lossy:
        attempts, ceiling_db = MAX_ENCODING_ATTEMPTS, ceiling_db - ENCODER_PEAK_GAIN_DB
    for _ in range(attempts):
        source, delivered = deliver_blocks(
            raw,
            song.sample_rate,
            bounds_lufs,
            ceiling_db,
            max_reduction_db,
            _cached_frames(song, MAX_CACHED_BYTES // 2),
        )
        release_memory()
        _write(draft, source, song, subtype or song.subtype)
        written = AudioFile(draft)
        after = measure(prefetch(written.blocks()), written.sample_rate)
        over_db = after.true_peak_db - preset.ceiling_db
        if over_db <= 0:
            break
        ceiling_db -= over_db + ENCODER_MARGIN_DB  # the gain of the encoder
    return RenderResult(after, delivered)


def copy_subtype(
    song: AudioFile, before: Measurements, file: Path, subtype: str | None = None
) -> str | None:
    """Subtype of a copy that holds the peaks of the song; None if the format of the file has none.

    Samples of lossy formats and of float files may be over full scale.
    """
    wanted, format = subtype or song.subtype, format_of(file)
    holds_all = not choose_subtype(format, wanted).startswith("PCM")
    if before.true_peak_db <= 0.0 or holds_all:
        return wanted
    return "FLOAT" if "FLOAT" in format.subtypes else None


def _copy(song: AudioFile, before: Measurements, draft: Path, subtype: str | None) -> RenderResult:
    """Write the song as it is."""
    known = copy_subtype(song, before, draft, subtype)
    _write(draft, song.blocks, song, known or subtype or song.subtype)
    written = AudioFile(draft)
    after = measure(prefetch(written.blocks()), written.sample_rate)
    levels = before.loudness_lufs, before.loudness_lufs, after.loudness_lufs, after.true_peak_db
    return RenderResult(after, DeliveryResult(*levels, 0.0, 0.0, True))


def mixed_blocks(song: AudioFile, preset: Preset, before: Measurements) -> Iterator[Tensor]:
    """Render a song with the console, before delivery. Yields blocks [C, n]."""
    console = preset.console.console
    positions = console.knobs_from([section.settings for section in preset.sections])
    reduced_console, positions = console.without_neutral(positions)
    knobs: Tensor | Callable[[int], Tensor] = positions[0]
    if len(preset.sections) > 1:
        starts = [section.start_s * song.sample_rate for section in preset.sections]
        knobs = _KnobAutomation(starts, positions, TRANSITION_S * song.sample_rate)
    mix = reduced_console.render(song.blocks(), song.sample_rate, knobs, limit=False)
    if preset.equaliser:
        mix = preset.equaliser.process(mix, song.sample_rate)
    if preset.expand_db > 0:
        mix = expand(mix, song.sample_rate, preset.expand_db, before.loudness_lufs)
    return (block for block in mix if block.shape[-1])


class _KnobAutomation:
    """Knob positions over time: constant in a section, linear across the borders.

    starts, transition: in samples. positions: [sections, P].
    """

    def __init__(self, starts: list[float], positions: Tensor, transition: float) -> None:
        points: list[tuple[float, Tensor]] = [(-math.inf, positions[0])]
        ends = [*starts[1:], math.inf]
        for number in range(1, len(starts)):
            length = min(
                starts[number] - starts[number - 1], ends[number] - starts[number], transition
            )
            points.append((starts[number] - length / 2, positions[number - 1]))
            points.append((starts[number] + length / 2, positions[number]))
        self._points = points

    def __call__(self, sample: int) -> Tensor:
        following = next((n for n, (time, _) in enumerate(self._points) if time > sample), None)
        if following is None:
            return self._points[-1][1]
        (start, before), (end, after) = self._points[following - 1], self._points[following]
        if math.isinf(start):
            return before
        share = (sample - start) / (end - start)
        return torch.lerp(before, after, share)


def target_bounds_lufs(preset: Preset, before: Measurements) -> tuple[float, float]:
    """Lower and upper bound of the result's loudness, in LUFS."""
    if isinstance(preset.target_lufs, str):
        return loudness_bounds(preset.target_lufs)
    target_lufs = preset.target_lufs
    if target_lufs is None:
        target_lufs = kept_loudness_lufs(before, preset.ceiling_db)
    return target_lufs, target_lufs


def kept_loudness_lufs(song: Measurements, ceiling_db: float) -> float:
    """Loudness of a mix that is to be as loud as a song; without gates below −60 LUFS.

    Lower than that of a song whose peaks are far over full scale.
    """
    loudness_lufs = song.loudness_lufs if song.loudness_lufs >= MIN_TARGET_LUFS else song.mean_lufs
    return loudness_lufs + turn_down_db(song.true_peak_db, ceiling_db)


def _cached_frames(song: AudioFile, max_bytes: int) -> int:
    """Number of frames of a song that fits into `max_bytes`, else 0."""
    return song.frames if 4 * song.frames * song.channels <= max_bytes else 0


def _write(path: Path, source: BlockSource, song: AudioFile, subtype: str) -> None:
    rate = writable_sample_rate(path, song.sample_rate)
    frames = -(-song.frames * rate // song.sample_rate)
    blocks = source()
    if rate != song.sample_rate:
        blocks = resample_blocks(blocks, song.sample_rate, rate, song.frames)
    write_audio(path, blocks, rate, song.channels, frames, source_subtype=subtype, tags=song.tags)
    carry_extras(song.path, path, format_of(path).name)
