"""Delivery: bring a finished mix to a loudness target under a true-peak ceiling.

Follows the console in place of its safety limiter (`console(…, limit=False)`). Loudness is
integrated loudness of ITU-R BS.1770-4. The gain in front of the limiter that reaches the target is
found by a search: first on the peak and energy of every millisecond (`gain_search`), then by
rendering and measuring. Deterministic.

Two cases have no such target. Below −60 LUFS, where the gates of the meter drop blocks, loudness
is compared without gates, and the gain is their exact difference. A song whose loudness is to be
kept, but whose peaks are far over full scale, is turned down under the ceiling instead of limited.
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
    "streaming": (-14.0, -14.0),  # playback level of the large services
    "broadcast": (-23.0, -23.0),  # EBU R 128
    "mastering": (-16.0, -12.0),  # a range: a song inside it keeps its loudness
}
ANY_LOUDNESS = (-math.inf, math.inf)
MIN_TARGET_LUFS = -60.0  # lower loudness is compared without gates
DIGITAL_SILENCE_LUFS = -390.0  # `LoudnessMeter.mean_lufs` of samples that are all 0: −400.7
LIFTED_LUFS = -23.0  # of quiet songs, for the search: all blocks are above the absolute gate
MAX_KEPT_PEAK_DB = 2.0  # dBTP; decoded lossy files and clipped masters are below
TURNED_DOWN_MARGIN_DB = 0.3  # under the ceiling: meters of the true peak differ
MAX_REDUCTION_DB = 12.0  # more would damage the song: the target then counts as not reachable
GAIN_TOLERANCE_DB = 0.01
MAX_CURVE_POINTS = 300
MAX_RENDERS = 4  # the estimate errs by a few hundredths of a LU: two renders nearly always suffice


class DeliveryResult(NamedTuple):
    """Result of the delivery of one song.

    gain_db: gain in front of the limiter. reduction_db: largest gain reduction of the limiter.
    reduction_curve_db: its largest values in up to 300 equal parts of the song.
    Loudness is integrated; without gates if the target is below −60 LUFS.
    target_reached: the loudness is within 0.1 LU of the target; False if that would need a
    reduction over `max_reduction_db`, or the song is silent.
    """

    input_lufs: float
    target_lufs: float
    loudness_lufs: float
    true_peak_db: float
    gain_db: float
    reduction_db: float
    target_reached: bool
    reduction_curve_db: tuple[float, ...] = ()


@torch.no_grad()
def deliver(
    audio: Tensor,
    sample_rate: int,
    target_lufs: float | str | None = None,
    ceiling_db: float = -1.0,
    max_reduction_db: float = MAX_REDUCTION_DB,
) -> tuple[Tensor, list[DeliveryResult]]:
    """Bring songs to a loudness target with true peaks under a ceiling.

    audio: [B, C, T] or one song [C, T], mono or stereo; full scale = 1. target_lufs: a number, a
    name ("streaming" −14, "broadcast" −23, "mastering" −16…−12: the nearer end), or None: each song
    keeps its loudness, or is turned down if its peaks are above +2 dBTP. ceiling_db: dBTP,
    at most 0. Returns audio of the same shape and one result per song. A song that meets the target
    already is returned bit for bit; silence stays silent. ValueError for an invalid target, ceiling
    or audio.
    """
    bounds_lufs = loudness_bounds(target_lufs)
    if audio.dim() not in {2, 3} or audio.shape[-2] not in {1, 2} or not audio.numel():
        raise ValueError(f"audio must be [B, 1 or 2, T] or [1 or 2, T], got {list(audio.shape)}")
    if not audio.isfinite().all():
        raise ValueError("audio contains NaN or infinite samples: export the file again")
    songs, results = audio.reshape(-1, *audio.shape[-2:]), []
    delivered = torch.empty_like(songs)
    for song, out in zip(songs, delivered, strict=True):
        blocks = torch.split(song, BLOCK_SAMPLES, dim=-1)
        mix, result = deliver_blocks(
            lambda blocks=blocks: blocks,  # type: ignore[misc]
            sample_rate,
            bounds_lufs,
            ceiling_db,
            max_reduction_db,
            cache_samples=song.shape[-1],
        )
        torch.cat(list(mix()), dim=-1, out=out)
        results.append(result)
    return delivered.view(audio.shape), results


@torch.no_grad()
def deliver_blocks(
    source: BlockSource,
    sample_rate: int,
    bounds_lufs: tuple[float, float],
    ceiling_db: float = -1.0,
    max_reduction_db: float = MAX_REDUCTION_DB,
    cache_samples: int = 0,
) -> tuple[BlockSource, DeliveryResult]:
    """Deliver one song of any length in blocks [C, n]; returns the output and the result.

    source: called three times or more. bounds_lufs: lowest and highest loudness, see
    `loudness_bounds`; a loudness below −60 LUFS is one without gates. cache_samples:
    the song's length, to keep the output in memory; 0: render it again on each call.
    """
    limiter = Limiter(ceiling_db)
    song = BlockCache(lambda: (block[None] for block in source()))
    search, meter = GainSearch(sample_rate, limiter), LoudnessMeter(sample_rate)
    for block in song():
        search.push(block)
        meter.push(block)
    level = _InputLevel.of(meter)
    search.finish(float(meter.lufs(level.lift_db)), level.lift_db)
    target_lufs = min(max(level.input_lufs, bounds_lufs[0]), bounds_lufs[1])
    if bounds_lufs == ANY_LOUDNESS:
        peak_db = search.peak_over_ceiling_db + ceiling_db - level.lift_db
        target_lufs += turn_down_db(peak_db, ceiling_db)
    gated = target_lufs >= MIN_TARGET_LUFS
    max_gain_db = max_reduction_db - CEILING_MARGIN_DB - search.peak_over_ceiling_db + level.lift_db
    correction_lu = 0.0  # accumulated error of the estimate
    for _ in range(MAX_RENDERS):
        wanted_lufs = target_lufs + correction_lu
        if level.silent:
            gain_db = 0.0
        elif gated:
            lift_db = level.lift_db
            gain_db = lift_db + search.find_gain_db(wanted_lufs, max_gain_db - lift_db)
        else:
            gain_db = min(wanted_lufs - level.mean_lufs, max_gain_db)
        render = _LimitedSource(song, limiter, sample_rate, 10 ** (gain_db / 20))
        rendered = BlockCache(render, cache_samples)
        loudness_lufs, peak = _measure(prefetch(rendered()), sample_rate, gated)
        reduction_db = render.reduction_db
        correction_lu += target_lufs - loudness_lufs
        if reduction_db > 0:  # each further dB of gain would be a further dB of reduction
            max_gain_db = gain_db + max_reduction_db - reduction_db
        headroom_db = max_gain_db - gain_db
        error_lu = target_lufs - loudness_lufs
        at_target = abs(error_lu) <= TOLERANCE_LU and headroom_db > -GAIN_TOLERANCE_DB
        at_limit = error_lu > 0 and abs(headroom_db) <= GAIN_TOLERANCE_DB
        if level.silent or at_target or at_limit:
            break
    result = DeliveryResult(
        input_lufs=level.input_lufs,
        target_lufs=target_lufs,
        loudness_lufs=loudness_lufs,
        true_peak_db=20 * math.log10(max(peak, 10 ** (SILENCE_DB / 20))),
        gain_db=gain_db,
        reduction_db=reduction_db,
        target_reached=not level.silent and abs(target_lufs - loudness_lufs) <= 0.1,
        reduction_curve_db=search.reduction_curve_db(gain_db - level.lift_db, MAX_CURVE_POINTS),
    )
    return rendered, result


class _InputLevel(NamedTuple):
    """Level of a song before delivery.

    input_lufs: integrated; without gates below −60 LUFS. lift_db: gain of a quiet song before the
    gates, so that the meter and the search see its blocks. silent: no sample but 0.
    """

    input_lufs: float
    mean_lufs: float
    lift_db: float
    silent: bool

    @classmethod
    def of(cls, meter: LoudnessMeter) -> "_InputLevel":
        """Level of the song that a meter has read."""
        input_lufs, mean_lufs = float(meter.lufs()), float(meter.mean_lufs())
        if mean_lufs <= DIGITAL_SILENCE_LUFS:
            return cls(SILENCE_DB, SILENCE_DB, 0.0, True)
        if input_lufs >= MIN_TARGET_LUFS:
            return cls(input_lufs, mean_lufs, 0.0, False)
        return cls(mean_lufs, mean_lufs, LIFTED_LUFS - mean_lufs, False)


def turn_down_db(true_peak_db: float, ceiling_db: float) -> float:
    """Gain, at most 0 dB, of a song whose loudness is to be kept: below 0 dB if it is too hot.

    A song with peaks far over full scale (a file of float samples) would be limited by all that is
    over the ceiling. It is turned down until its peaks are under the ceiling.
    """
    if true_peak_db <= MAX_KEPT_PEAK_DB:
        return 0.0
    return ceiling_db - TURNED_DOWN_MARGIN_DB - true_peak_db


def loudness_bounds(target_lufs: float | str | None) -> tuple[float, float]:
    """Lowest and highest loudness in LUFS for a target of `deliver`. ValueError if invalid."""
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
    """Block source that limits a song on each call; sets `reduction_db` at the end."""

    def __init__(self, song: BlockSource, limiter: Limiter, sample_rate: int, drive: float) -> None:
        self.song, self.limiter, self.sample_rate = song, limiter, sample_rate
        self.drive, self.reduction_db = drive, 0.0

    def __call__(self) -> Iterator[Tensor]:
        """Iterate over blocks [C, n]."""
        stream = self.limiter.stream(self.sample_rate)
        yield from (block[0] for block in stream.process_blocks(self.song(), self.drive))
        self.reduction_db = stream.reduction_db


def _measure(blocks: Iterable[Tensor], sample_rate: int, gated: bool) -> tuple[float, float]:
    """Loudness in LUFS, integrated or without gates, and true peak (ratio to full scale)."""
    loudness, peak = LoudnessMeter(sample_rate), TruePeakMeter()
    for block in blocks:
        loudness.push(block[None])
        peak.push(block[None])
    return float(loudness.lufs() if gated else loudness.mean_lufs()), float(peak.read())
