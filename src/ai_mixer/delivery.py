"""Delivery: a finished mix at the loudness somebody asks for, under a true-peak ceiling.

The stage after the console, in place of its safety limiter (`console(…, limit=False)`). Loudness is
ITU-R BS.1770-4, integrated. A limiter lowers the loudness while a gain raises it, so the gain is
searched for: first on a sketch of the song (the peak and the energy of every millisecond), then by
rendering and measuring. Nothing is drawn at random: the same song gives the same samples.
"""

import math
from typing import NamedTuple

import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn.functional import pad

from ai_mixer.dsp.k_weighting import hop_energies
from ai_mixer.dsp.lookahead import Ballistics, lookahead_gain_db
from ai_mixer.dsp.loudness import BLOCK_S, HOP_S, gated_lufs, loudness_lufs
from ai_mixer.dsp.true_peak import SOFT, true_peak, true_peak_envelope
from ai_mixer.effects.limiter import MARGIN_DB, Limiter
from ai_mixer.units import SILENCE_DB, db_to_ratio

TARGETS_LUFS = {
    "streaming": (-14.0, -14.0),  # what the large services play at
    "broadcast": (-23.0, -23.0),  # EBU R 128
    "mastering": (-16.0, -12.0),  # a window: a song inside it keeps its loudness
}
AS_IT_IS = (-math.inf, math.inf)
QUIETEST_LUFS = -60.0
MAX_REDUCTION_DB = 12.0  # more is not mastering but damage: the target then counts as out of reach
TOLERANCE_LU = 0.02
ROUNDING_DB = 0.01
RENDERS = 4  # at most; the sketch is a few hundredths of a LU off, so two do nearly always
FRAME_S = 0.001
FRAMES_AT_ONCE = 1000


class Delivered(NamedTuple):
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
    reached: bool


@torch.no_grad()
def deliver(
    audio: Tensor,
    sample_rate: int,
    target_lufs: float | str | None = None,
    ceiling_db: float = -1.0,
    max_reduction_db: float = MAX_REDUCTION_DB,
) -> tuple[Tensor, list[Delivered]]:
    """The songs at their target loudness with true peaks under the ceiling, and what was done.

    audio: [B, C, T] or one song [C, T], mono or stereo; full scale = 1. target_lufs: a number, a
    name ("streaming" −14, "broadcast" −23, "mastering" −16…−12: to the nearer edge), or None: each
    song keeps its loudness. ceiling_db: dBTP, at most 0. Returns audio in the same shape and one
    report per song. A song that is right already comes back bit for bit; silence stays silent.
    ValueError for a target, ceiling or audio that cannot be.
    """
    low, high = _window(target_lufs)
    if audio.dim() not in {2, 3} or audio.shape[-2] not in {1, 2} or not audio.numel():
        raise ValueError(f"audio must be [B, 1 or 2, T] or [1 or 2, T], got {list(audio.shape)}")
    if not audio.isfinite().all():
        raise ValueError("audio holds NaN or infinite samples: export the file again")
    limiter = Limiter(ceiling_db)
    delivered, reports = [], []
    for song in audio.reshape(-1, 1, *audio.shape[-2:]):
        loudness = float(loudness_lufs(song, sample_rate))
        wanted = min(max(loudness, low), high)
        mix, report = _deliver(song, sample_rate, loudness, wanted, limiter, max_reduction_db)
        delivered.append(mix)
        reports.append(report)
    mixes = delivered[0] if len(delivered) == 1 else torch.cat(delivered)
    return mixes.view(audio.shape), reports


def _window(target_lufs: float | str | None) -> tuple[float, float]:
    if target_lufs is None:
        return AS_IT_IS
    if isinstance(target_lufs, str):
        if target_lufs not in TARGETS_LUFS:
            names = ", ".join(TARGETS_LUFS)
            raise ValueError(f"target_lufs={target_lufs!r}: choose a number or one of {names}")
        return TARGETS_LUFS[target_lufs]
    if not QUIETEST_LUFS <= target_lufs <= 0:
        raise ValueError(f"target_lufs={target_lufs}: must be {QUIETEST_LUFS:g} to 0, e.g. -14")
    return float(target_lufs), float(target_lufs)


def _deliver(
    song: Tensor,
    sample_rate: int,
    loudness: float,
    wanted: float,
    limiter: Limiter,
    max_reduction_db: float,
) -> tuple[Tensor, Delivered]:
    """One song, [1, C, T], rendered until it is right or cannot be."""
    silent = loudness <= SILENCE_DB
    sketch = _Sketch(song, sample_rate, limiter, loudness)
    most_db = max_reduction_db - MARGIN_DB - sketch.over_db
    miss = 0.0  # by how much the sketch was too loud
    for _ in range(RENDERS):
        gain_db = 0.0 if silent else sketch.gain_db(wanted + miss, most_db)
        stream = limiter.stream(sample_rate)
        rendered = stream.whole(song, 10 ** (gain_db / 20))
        reading = float(loudness_lufs(rendered, sample_rate))
        miss += wanted - reading
        if stream.reduction_db > 0:  # and one dB more of gain would be one dB more of reduction
            most_db = gain_db + max_reduction_db - stream.reduction_db
        room_db = most_db - gain_db
        right = abs(wanted - reading) <= TOLERANCE_LU and room_db > -ROUNDING_DB
        if silent or right or (reading < wanted and abs(room_db) <= ROUNDING_DB):
            break
    peak_db = 20 * math.log10(max(float(true_peak(rendered)), 10 ** (SILENCE_DB / 20)))
    report = Delivered(
        input_lufs=loudness,
        target_lufs=wanted,
        loudness_lufs=reading,
        true_peak_db=peak_db,
        gain_db=gain_db,
        reduction_db=stream.reduction_db,
        reached=not silent and abs(wanted - reading) <= 0.1,
    )
    return rendered, report


class _Sketch:
    """A song in two numbers per millisecond: enough to guess what a gain and the limiter do."""

    def __init__(self, song: Tensor, sample_rate: int, limiter: Limiter, loudness: float) -> None:
        frame = min(round(FRAME_S * sample_rate), song.shape[-1])
        frame_ms = 1000 * frame / sample_rate
        self.peaks = _peaks(song, frame) / limiter.ceiling
        self.over_db = 20 * math.log10(max(float(self.peaks.max()), 10 ** (SILENCE_DB / 20)))
        self.powers = hop_energies(song, sample_rate, frame)[0].double().cpu() / frame
        self.block, self.hop = round(1000 * BLOCK_S / frame_ms), round(1000 * HOP_S / frame_ms)
        poles = [math.exp(-frame_ms / ms) for ms in (limiter.release_ms, limiter.memory_ms)]
        self.ballistics = Ballistics(max(2, round(limiter.lookahead_ms / frame_ms)), 1, *poles)
        self.loudness, self.offset = loudness, 0.0
        self.offset = loudness - self._lufs(torch.ones_like(self.powers))

    def gain_db(self, wanted: float, most_db: float) -> float:
        """The gain that makes the limited song as loud as wanted, at most `most_db`."""
        if abs(self.lufs(0.0) - wanted) <= TOLERANCE_LU:
            return min(0.0, most_db)
        least_db = wanted - self.loudness  # enough if the limiter had nothing to do
        if least_db >= most_db or self.lufs(most_db) <= wanted:
            return most_db
        if self.lufs(least_db) >= wanted:
            return least_db
        return float(brentq(lambda gain: self.lufs(gain) - wanted, least_db, most_db, xtol=0.005))

    def lufs(self, gain_db: float) -> float:
        """A guess at the loudness behind the limiter."""
        drive = 10 ** (gain_db / 20)
        needed_db = -20 * torch.log10((drive * self.peaks).clamp_min(1.0))
        reduction_db = lookahead_gain_db(needed_db[None], self.ballistics)[0]
        return self._lufs(drive * db_to_ratio(reduction_db[: len(self.powers)]))

    def _lufs(self, gains: Tensor) -> float:
        powers = self.powers * gains.square()
        if len(powers) > self.block:
            powers = powers.unfold(0, self.block, self.hop)
        return float(gated_lufs(powers.mean(-1, keepdim=powers.dim() == 1)[None])) + self.offset


def _peaks(song: Tensor, frame: int) -> Tensor:
    """[frames] float64: the true peak of every frame, about; in blocks, for long songs."""
    length, step, around = song.shape[-1], FRAMES_AT_ONCE * frame, SOFT.half
    peaks = []
    for start in range(0, length, step):
        left = min(start, around)
        part = song[..., start - left : start + step + around]
        envelope = true_peak_envelope(part, interpolator=SOFT)[..., left : left + step].amax(1)[0]
        peaks.append(pad(envelope, (0, -len(envelope) % frame)).view(-1, frame).amax(-1))
    return torch.cat(peaks).double().cpu()
