"""Loudness and loudness range, differentiable and batched.

ITU-R BS.1770-4: K-weighting (Annex 1, `dsp.k_weighting`), mean square over 400 ms blocks with 75 %
overlap, absolute gate at −70 LUFS and relative gate at −10 LU. Loudness range: EBU Tech 3342.
Gradients are those of the gated blocks; the decisions of the gates have none.

All channels have weight 1 (surround is not supported). Mono is measured as it is played, by two
loudspeakers: 3.01 LU more than the standard's literal one channel (docs/decisions/0043).
"""

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.k_weighting import HopEnergies, hop_energies
from ai_mixer.utils.growing_array import GrowingArray

OFFSET_DB = -0.691  # BS.1770-4 Annex 1 eq. 2: a 997 Hz sine on the left has its RMS level
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0  # relative gate of Tech 3342
SMALLEST_POWER = 1e-40
BLOCK_S = 0.4
SHORT_TERM_S = 3.0
HOP_S = 0.1
FINE_HOP_S = 0.01  # for maxima: a hop of 100 ms can miss a short sound by half a dB


def loudness_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Integrated loudness. x: [B, C, T], full scale = 1. Returns [B], LUFS.

    A signal shorter than 400 ms is one block. Without a block above the absolute gate the result is
    `SILENCE_DB` (minus infinity in the standard).
    """
    return gated_lufs(_block_powers(x, sample_rate, BLOCK_S))


class LoudnessMeter:
    """Loudness and loudness range of songs in blocks; equal to the functions up to rounding.

    No block may be pushed after a result was read.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop = round(HOP_S * sample_rate)
        self._weighted = HopEnergies(sample_rate, self._hop)
        self._energies = GrowingArray()
        self._rest: Tensor | None = None
        self._frames = 0

    def push(self, x: Tensor) -> None:
        """Append the next block, [B, C, n] on the CPU."""
        self._frames += x.shape[-1]
        self._energies.push(self._weighted.push(x))

    def lufs(self, gain_db: float = 0.0) -> Tensor:
        """Integrated loudness so far, of the song at a gain: [B], LUFS."""
        return gated_lufs(self._powers(BLOCK_S) * 10 ** (gain_db / 10))

    def mean_lufs(self) -> Tensor:
        """Loudness so far without gates: [B], LUFS.

        Defined for songs below the absolute gate, and changed by a gain by exactly its decibels.
        About −400 for digital silence.
        """
        mean = self._powers(BLOCK_S).mean(-1).double()
        return OFFSET_DB + 10.0 * torch.log10(mean.clamp_min(SMALLEST_POWER))

    def range_lu(self) -> Tensor:
        """Loudness range so far: [B], LU."""
        return _range(self._powers(SHORT_TERM_S))

    def short_term_lufs(self) -> Tensor:
        """Loudness of windows of 3 s every 100 ms (one value for a shorter song): [B, n], LUFS."""
        return _to_lufs(self._powers(SHORT_TERM_S))

    def _powers(self, block_s: float) -> Tensor:
        per_block = round(block_s / HOP_S)
        energies = self._energies.read()
        if energies.shape[-1] < per_block:
            self._rest = self._weighted.remaining_energy() if self._rest is None else self._rest
            return (energies.sum(-1) + self._rest)[:, None] / self._frames
        return energies.unfold(-1, per_block, 1).sum(-1) / (per_block * self._hop)


def gated_lufs(powers: Tensor) -> Tensor:
    """Integrated loudness of K-weighted mean squares of 400 ms blocks: [B, blocks] → [B], LUFS."""
    keep = _gate(powers, RELATIVE_GATE_LU)
    integrated = _to_lufs(_mean_where(keep, powers))
    return torch.where(keep.any(-1), integrated, SILENCE_DB)


def momentary_lufs(x: Tensor, sample_rate: int, hop_s: float = HOP_S) -> Tensor:
    """Loudness of windows of 400 ms every `hop_s`. x: [B, C, T]. Returns [B, blocks], LUFS."""
    return _to_lufs(_block_powers(x, sample_rate, BLOCK_S, hop_s))


def short_term_lufs(x: Tensor, sample_rate: int, hop_s: float = HOP_S) -> Tensor:
    """Loudness of windows of 3 s every `hop_s`. x: [B, C, T]. Returns [B, blocks], LUFS."""
    return _to_lufs(_block_powers(x, sample_rate, SHORT_TERM_S, hop_s))


def max_momentary_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Maximum momentary loudness (EBU Tech 3341, Max M). x: [B, C, T]. Returns [B], LUFS."""
    return momentary_lufs(x, sample_rate, FINE_HOP_S).amax(-1)


def max_short_term_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Maximum short-term loudness (EBU Tech 3341, Max S). x: [B, C, T]. Returns [B], LUFS."""
    return short_term_lufs(x, sample_rate, FINE_HOP_S).amax(-1)


def loudness_range_lu(x: Tensor, sample_rate: int, block_s: float = SHORT_TERM_S) -> Tensor:
    """Loudness range: 95th minus 10th percentile of the loudness of the gated blocks.

    x: [B, C, T]. Returns [B], LU; 0 if fewer than two blocks pass the gates. EBU Tech 3342 with
    `block_s` = 3; shorter blocks are for short excerpts and give larger values.
    """
    return _range(_block_powers(x, sample_rate, block_s))


def _range(powers: Tensor) -> Tensor:
    keep = _gate(powers, RANGE_GATE_LU)
    return torch.stack(
        [_percentile_range(*item) for item in zip(_to_lufs(powers), keep, strict=True)]
    )


def _block_powers(x: Tensor, sample_rate: int, block_s: float, hop_s: float = HOP_S) -> Tensor:
    """Mean square summed over loudspeakers, per block: [B, C, T] → [B, blocks] (eq. 1 and 3)."""
    hop = round(hop_s * sample_rate)
    per_block = round(block_s / hop_s)
    if x.shape[-1] < hop * per_block:
        return hop_energies(x, sample_rate, x.shape[-1]) / x.shape[-1]
    energy = hop_energies(x, sample_rate, hop)
    return energy.unfold(-1, per_block, 1).sum(-1) / (per_block * hop)


def _to_lufs(power: Tensor) -> Tensor:
    silence = 10.0 ** ((SILENCE_DB - OFFSET_DB) / 10.0)
    return OFFSET_DB + 10.0 * torch.log10(power.clamp_min(silence))


def _gate(powers: Tensor, relative_lu: float) -> Tensor:
    """Blocks above both gates, [B, blocks] bool (eqs. 5–7)."""
    levels = _to_lufs(powers.detach())
    keep = levels > ABSOLUTE_GATE_LUFS
    relative = _to_lufs(_mean_where(keep, powers.detach())) + relative_lu
    return keep & (levels > relative[:, None])


def _mean_where(keep: Tensor, powers: Tensor) -> Tensor:
    return (powers * keep).sum(-1) / keep.sum(-1).clamp_min(1)


def _percentile_range(levels: Tensor, keep: Tensor) -> Tensor:
    if int(keep.sum()) < 2:
        return levels.new_zeros(())
    low, high = torch.quantile(levels[keep], levels.new_tensor([0.1, 0.95]))
    return high - low
