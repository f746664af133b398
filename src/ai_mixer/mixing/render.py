"""From file to file: the console, then delivery, then a check of what was written."""

import errno
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.audio import AudioFile, format_of, same_file, write_audio
from ai_mixer.mastering.delivery import (
    ANY_LOUDNESS,
    MAX_REDUCTION_DB,
    DeliveryResult,
    deliver_blocks,
    loudness_bounds,
)
from ai_mixer.mixing import console_cache
from ai_mixer.mixing.expander import expand
from ai_mixer.mixing.measurements import Measurements, measure
from ai_mixer.mixing.preset import Preset
from ai_mixer.utils.atomic_write import atomic_write
from ai_mixer.utils.block_cache import BlockCache, BlockSource
from ai_mixer.utils.memory import release_memory
from ai_mixer.utils.parallel import prefetch

MAX_ENCODING_ATTEMPTS = 4  # of a lossy file, until what comes out again keeps the ceiling
ENCODER_PEAK_GAIN_DB = (
    0.35  # what it adds to the peaks: up to 0.34 dB, eight songs as mp3 and as ogg
)
ENCODER_MARGIN_DB = 0.05
LOUDEST_LUFS, QUIETEST_LUFS = 0.0, -60.0
MAX_CACHED_BYTES = 128 << 20  # of a song between its renders: six minutes of stereo at 44.1 kHz
TRANSITION_S = 4.0  # from one section's settings to the next one's, around the border


class RenderResult(NamedTuple):
    """What was written: figures of the file as it is read again, and what delivery did."""

    measurements: Measurements
    delivered: DeliveryResult


def render_file(
    sound: AudioFile, before: Measurements, preset: Preset, output: Path, limit: bool = True
) -> RenderResult:
    """Mix a song as the preset says, and write it. limit: False never lowers a peak: it turns down.

    OSError or ValueError in one line; `output` is whole or as it was.
    """
    raw = BlockCache(
        lambda: prefetch(mixed_blocks(sound, preset, before)),
        _cached_frames(sound, MAX_CACHED_BYTES),
    )
    lossy, window = format_of(output).lossy, target_bounds_lufs(preset, before)
    most_db = MAX_REDUCTION_DB if limit else 0.0
    attempts, ceiling_db = 1, preset.ceiling_db
    if lossy:
        attempts, ceiling_db = MAX_ENCODING_ATTEMPTS, ceiling_db - ENCODER_PEAK_GAIN_DB
    with atomic_write(output) as draft:
        for _ in range(attempts):
            source, delivered = deliver_blocks(
                raw,
                sound.sample_rate,
                window,
                ceiling_db,
                most_db,
                _cached_frames(sound, MAX_CACHED_BYTES // 2),
            )
            release_memory()
            _write(draft, source, sound)
            written = AudioFile(draft)
            after = measure(prefetch(written.blocks()), written.sample_rate)
            over_db = after.true_peak_db - preset.ceiling_db
            if over_db <= 0:
                break
            ceiling_db -= over_db + ENCODER_MARGIN_DB  # what an encoder adds
    return RenderResult(after, delivered)


def mixed_blocks(sound: AudioFile, preset: Preset, before: Measurements) -> Iterator[Tensor]:
    """The song through the console, before delivery: blocks [C, n]."""
    console = console_cache.shared_console()
    positions = console.knobs_from([section.settings for section in preset.sections])
    lighter, positions = console.without_neutral(positions)
    knobs: Tensor | Callable[[int], Tensor] = positions[0]
    if len(preset.sections) > 1:
        starts = [section.start_s * sound.sample_rate for section in preset.sections]
        knobs = _KnobAutomation(starts, positions, TRANSITION_S * sound.sample_rate)
    mix = lighter.render(sound.blocks(), sound.sample_rate, knobs, limit=False)
    if preset.expand_db > 0:
        mix = expand(mix, sound.sample_rate, preset.expand_db, before.loudness_lufs)
    return (block for block in mix if block.shape[-1])


class _KnobAutomation:
    """Positions over time: those of each section, with a straight way across the borders."""

    def __init__(self, starts: list[float], positions: Tensor, glide: float) -> None:
        points: list[tuple[float, Tensor]] = [(-math.inf, positions[0])]
        ends = [*starts[1:], math.inf]
        for number in range(1, len(starts)):
            room = min(starts[number] - starts[number - 1], ends[number] - starts[number], glide)
            points.append((starts[number] - room / 2, positions[number - 1]))
            points.append((starts[number] + room / 2, positions[number]))
        self._points = points

    def __call__(self, sample: int) -> Tensor:
        later = next((n for n, (at, _) in enumerate(self._points) if at > sample), None)
        if later is None:
            return self._points[-1][1]
        (begin, before), (end, after) = self._points[later - 1], self._points[later]
        if math.isinf(begin):
            return before
        share = (sample - begin) / (end - begin)
        return torch.lerp(before, after, share)


def target_bounds_lufs(preset: Preset, before: Measurements) -> tuple[float, float]:
    """The loudness the result is to have: from … to, in LUFS."""
    if preset.target is not None:
        return loudness_bounds(preset.target)
    if before.silent:
        return ANY_LOUDNESS
    kept = min(max(before.loudness_lufs, QUIETEST_LUFS), LOUDEST_LUFS)
    return kept, kept


def check_output(output: Path, sound: Path, force: bool) -> None:
    """OSError in one line if the result may not be written there. The song itself never is."""
    format_of(output)
    if same_file(output, sound) or output.absolute() == sound.absolute():
        raise OSError(errno.EEXIST, "is the song itself: choose another name", str(output))
    check_not_existing([output], force)
    if output.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(output))


def check_not_existing(files: Iterable[Path], force: bool) -> None:
    """OSError in one line if one of them is there already."""
    for file in files:
        if file.exists() and not force:
            raise FileExistsError(errno.EEXIST, "is there already: --force overwrites", str(file))


def _cached_frames(sound: AudioFile, most_bytes: int) -> int:
    """The length of a song that fits, else 0."""
    return sound.frames if 4 * sound.frames * sound.channels <= most_bytes else 0


def _write(draft: Path, source: BlockSource, sound: AudioFile) -> None:
    write_audio(
        draft,
        source(),
        sound.sample_rate,
        sound.channels,
        sound.frames,
        source_subtype=sound.subtype,
        tags=sound.tags,
    )
