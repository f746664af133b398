"""Delivery: a finished mix at the loudness somebody asks for, under a true-peak ceiling.

The stage after the console, in place of its safety limiter (`console(…, limit=False)`). Loudness is
ITU-R BS.1770-4, integrated. A limiter lowers the loudness while a gain raises it, so the gain is
searched for: first on a sketch of the song (the peak and the energy of every millisecond), then by
rendering and measuring. Nothing is drawn at random: the same song gives the same samples.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.loudness import LoudnessMeter
from ai_mixer.dsp.true_peak import TruePeakMeter
from ai_mixer.effects.limiter import BLOCK_SAMPLES, CEILING_MARGIN_DB, Limiter
from ai_mixer.mastering.gain_search import TOLERANCE_LU, GainSearch
from ai_mixer.utils.block_cache import BlockCache, BlockSource
from ai_mixer.utils.parallel import prefetch

TARGETS_LUFS = {
    "streaming": (-14.0, -14.0),  # what the large services play at
    "broadcast": (-23.0, -23.0),  # EBU R 128
    "mastering": (-16.0, -12.0),  # a window: a song inside it keeps its loudness
}
ANY_LOUDNESS = (-math.inf, math.inf)
MIN_TARGET_LUFS = -60.0
MAX_REDUCTION_DB = 12.0  # more is not mastering but damage: the target then counts as out of reach
GAIN_TOLERANCE_DB = 0.01
MAX_RENDERS = 4  # at most; the sketch is a few hundredths of a LU off, so two do nearly always


class DeliveryResult(NamedTuple):
    """What was done to one song.

    gain_db: in front of the limiter. reduction_db: the limiter's deepest. reached: is the loudness
    within 0.1 LU of the target? If not, more would need over `max_reduction_db` of reduction, or
    the song is silent.
    """

    input_lufs: float
    target_lufs: float
    loudness_lufs: float
    true_peak_db: float
    gain_db: float
    reduction_db: float
    target_reached: bool


@torch.no_grad()
def deliver(
    audio: Tensor,
    sample_rate: int,
    target_lufs: float | str | None = None,
    ceiling_db: float = -1.0,
    max_reduction_db: float = MAX_REDUCTION_DB,
) -> tuple[Tensor, list[DeliveryResult]]:
    """The songs at their target loudness with true peaks under the ceiling, and what was done.

    audio: [B, C, T] or one song [C, T], mono or stereo; full scale = 1. target_lufs: a number, a
    name ("streaming" −14, "broadcast" −23, "mastering" −16…−12: to the nearer edge), or None: each
    song keeps its loudness. ceiling_db: dBTP, at most 0. Returns audio in the same shape and one
    report per song. A song that is right already comes back bit for bit; silence stays silent.
    ValueError for a target, ceiling or audio that cannot be.
    """
    bounds_lufs = loudness_bounds(target_lufs)
    if audio.dim() not in {2, 3} or audio.shape[-2] not in {1, 2} or not audio.numel():
        raise ValueError(f"audio must be [B, 1 or 2, T] or [1 or 2, T], got {list(audio.shape)}")
    if not audio.isfinite().all():
        raise ValueError("audio holds NaN or infinite samples: export the file again")
    songs, reports = audio.reshape(-1, *audio.shape[-2:]), []
    delivered = torch.empty_like(songs)
    for song, place in zip(songs, delivered, strict=True):
        blocks = torch.split(song, BLOCK_SAMPLES, dim=-1)
        mix, report = deliver_blocks(
            lambda blocks=blocks: blocks,  # type: ignore[misc]
            sample_rate,
            bounds_lufs,
            ceiling_db,
            max_reduction_db,
            cache_samples=song.shape[-1],
        )
        torch.cat(list(mix()), dim=-1, out=place)
        reports.append(report)
    return delivered.view(audio.shape), reports


@torch.no_grad()
def deliver_blocks(
    source: BlockSource,
    sample_rate: int,
    bounds_lufs: tuple[float, float],
    ceiling_db: float = -1.0,
    max_reduction_db: float = MAX_REDUCTION_DB,
    cache_samples: int = 0,
) -> tuple[BlockSource, DeliveryResult]:
    """The same for one song of any length, played in blocks [C, n]: the result, and the report.

    play: called three times or more. window: the loudness in LUFS must lie from … to; see
    `loudness_bounds`. kept: the song's length, if its result is to be kept and not rendered again.
    """
    limiter = Limiter(ceiling_db)
    song = BlockCache(lambda: (block[None] for block in source()))
    sketch, meter = GainSearch(sample_rate, limiter), LoudnessMeter(sample_rate)
    for block in song():
        sketch.push(block)
        meter.push(block)
    loudness = float(meter.lufs())
    sketch.finish(loudness)
    wanted = min(max(loudness, bounds_lufs[0]), bounds_lufs[1])
    silent = loudness <= SILENCE_DB
    max_gain_db = max_reduction_db - CEILING_MARGIN_DB - sketch.peak_over_ceiling_db
    miss = 0.0  # by how much the sketch was too loud
    for _ in range(MAX_RENDERS):
        gain_db = 0.0 if silent else sketch.find_gain_db(wanted + miss, max_gain_db)
        render = _LimitedSource(song, limiter, sample_rate, 10 ** (gain_db / 20))
        rendered = BlockCache(render, cache_samples)
        reading, peak = _measure(prefetch(rendered()), sample_rate)
        reduction_db = render.reduction_db
        miss += wanted - reading
        if reduction_db > 0:  # and one dB more of gain would be one dB more of reduction
            max_gain_db = gain_db + max_reduction_db - reduction_db
        room_db = max_gain_db - gain_db
        right = abs(wanted - reading) <= TOLERANCE_LU and room_db > -GAIN_TOLERANCE_DB
        if silent or right or (reading < wanted and abs(room_db) <= GAIN_TOLERANCE_DB):
            break
    report = DeliveryResult(
        input_lufs=loudness,
        target_lufs=wanted,
        loudness_lufs=reading,
        true_peak_db=20 * math.log10(max(peak, 10 ** (SILENCE_DB / 20))),
        gain_db=gain_db,
        reduction_db=reduction_db,
        target_reached=not silent and abs(wanted - reading) <= 0.1,
    )
    return rendered, report


def loudness_bounds(target_lufs: float | str | None) -> tuple[float, float]:
    """From … to, in LUFS, for a target as `deliver` takes it. ValueError for one that cannot be."""
    if target_lufs is None:
        return ANY_LOUDNESS
    if isinstance(target_lufs, str):
        if target_lufs not in TARGETS_LUFS:
            names = ", ".join(TARGETS_LUFS)
            raise ValueError(f"target_lufs={target_lufs!r}: choose a number or one of {names}")
        return TARGETS_LUFS[target_lufs]
    if not MIN_TARGET_LUFS <= target_lufs <= 0:
        raise ValueError(f"target_lufs={target_lufs}: must be {MIN_TARGET_LUFS:g} to 0, e.g. -14")
    return float(target_lufs), float(target_lufs)


class _LimitedSource:
    """A song through the limiter, anew each time it is played; `reduction_db` is known after it."""

    def __init__(self, song: BlockSource, limiter: Limiter, sample_rate: int, drive: float) -> None:
        self.song, self.limiter, self.sample_rate = song, limiter, sample_rate
        self.drive, self.reduction_db = drive, 0.0

    def __call__(self) -> Iterator[Tensor]:
        """Blocks [C, n]."""
        stream = self.limiter.stream(self.sample_rate)
        yield from (block[0] for block in stream.process_blocks(self.song(), self.drive))
        self.reduction_db = stream.reduction_db


def _measure(blocks: Iterable[Tensor], sample_rate: int) -> tuple[float, float]:
    """Loudness in LUFS and true peak, a ratio."""
    loudness, peak = LoudnessMeter(sample_rate), TruePeakMeter()
    for block in blocks:
        loudness.push(block[None])
        peak.push(block[None])
    return float(loudness.lufs()), float(peak.read())
