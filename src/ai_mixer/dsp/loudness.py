"""Loudness as broadcasters measure it, differentiable and for whole batches.

ITU-R BS.1770-4: K-weighting (Annex 1, `dsp.k_weighting`), mean square over 400 ms blocks with 75 %
overlap, absolute gate at −70 LUFS and relative gate at −10 LU. Loudness range: EBU Tech 3342.
Gates are decisions: gradients flow through what passed them, not through the decision.

Left, right and mono all weigh 1 (surround channels are not handled).
"""

import torch
from torch import Tensor

from ai_mixer.core.units import SILENCE_DB
from ai_mixer.dsp.k_weighting import HopEnergies, hop_energies
from ai_mixer.utils.growing_array import GrowingArray

OFFSET_DB = -0.691  # BS.1770-4 Annex 1 eq. 2: a 997 Hz sine on one channel reads its level
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0  # Tech 3342's own, wider relative gate
BLOCK_S = 0.4
SHORT_TERM_S = 3.0
HOP_S = 0.1
FINE_HOP_S = 0.01  # for a maximum: windows 100 ms apart can miss a short sound by half a dB


def loudness_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """Integrated loudness. x: [B, C, T], full scale = 1. Returns [B], LUFS.

    Shorter than 400 ms: the whole signal is one block. Nothing above the absolute gate: the
    standard says minus infinity, here `SILENCE_DB`.
    """
    return gated_lufs(_block_powers(x, sample_rate, BLOCK_S))


class LoudnessMeter:
    """Loudness and its range, of songs that come block by block; the same readings, to rounding.

    Nothing more may be pushed once something was read.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop = round(HOP_S * sample_rate)
        self._weighted = HopEnergies(sample_rate, self._hop)
        self._energies = GrowingArray()
        self._rest: Tensor | None = None
        self._frames = 0

    def push(self, x: Tensor) -> None:
        """The next block, [B, C, n] on the CPU."""
        self._frames += x.shape[-1]
        self._energies.push(self._weighted.push(x))

    def lufs(self) -> Tensor:
        """Integrated loudness of what came: [B]."""
        return gated_lufs(self._powers(BLOCK_S))

    def range_lu(self) -> Tensor:
        """Its loudness range: [B]."""
        return _range(self._powers(SHORT_TERM_S))

    def short_term_lufs(self) -> Tensor:
        """The loudness of each 3 s, every 100 ms (one reading, if it is shorter): [B, n]."""
        return _to_lufs(self._powers(SHORT_TERM_S))

    def _powers(self, block_s: float) -> Tensor:
        per_block = round(block_s / HOP_S)
        energies = self._energies.read()
        if energies.shape[-1] < per_block:
            self._rest = self._weighted.remaining_energy() if self._rest is None else self._rest
            return (energies.sum(-1) + self._rest)[:, None] / self._frames
        return energies.unfold(-1, per_block, 1).sum(-1) / (per_block * self._hop)


def gated_lufs(powers: Tensor) -> Tensor:
    """Integrated loudness of 400 ms blocks: K-weighted mean squares [B, blocks] → [B], LUFS."""
    keep = _gate(powers, RELATIVE_GATE_LU)
    integrated = _to_lufs(_mean_where(keep, powers))
    return torch.where(keep.any(-1), integrated, SILENCE_DB)


def momentary_lufs(x: Tensor, sample_rate: int, hop_s: float = HOP_S) -> Tensor:
    """Loudness of each 400 ms, every `hop_s`. x: [B, C, T]. Returns [B, blocks], LUFS."""
    return _to_lufs(_block_powers(x, sample_rate, BLOCK_S, hop_s))


def short_term_lufs(x: Tensor, sample_rate: int, hop_s: float = HOP_S) -> Tensor:
    """Loudness of each 3 s, every `hop_s`. x: [B, C, T]. Returns [B, blocks], LUFS."""
    return _to_lufs(_block_powers(x, sample_rate, SHORT_TERM_S, hop_s))


def max_momentary_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """The loudest 400 ms (EBU Tech 3341's Max M). x: [B, C, T]. Returns [B], LUFS."""
    return momentary_lufs(x, sample_rate, FINE_HOP_S).amax(-1)


def max_short_term_lufs(x: Tensor, sample_rate: int) -> Tensor:
    """The loudest 3 s (EBU Tech 3341's Max S). x: [B, C, T]. Returns [B], LUFS."""
    return short_term_lufs(x, sample_rate, FINE_HOP_S).amax(-1)


def loudness_range_lu(x: Tensor, sample_rate: int, block_s: float = SHORT_TERM_S) -> Tensor:
    """Spread of the loudness over time: 95th minus 10th percentile of the gated blocks.

    x: [B, C, T]. Returns [B], LU; 0 where fewer than two blocks pass the gates. EBU Tech 3342 with
    `block_s` = 3; shorter blocks make a short excerpt measurable (another, larger number).
    """
    return _range(_block_powers(x, sample_rate, block_s))


def _range(powers: Tensor) -> Tensor:
    keep = _gate(powers, RANGE_GATE_LU)
    return torch.stack(
        [_percentile_range(*item) for item in zip(_to_lufs(powers), keep, strict=True)]
    )


def _block_powers(x: Tensor, sample_rate: int, block_s: float, hop_s: float = HOP_S) -> Tensor:
    """Mean square summed over channels, per block: [B, C, T] → [B, blocks] (eq. 1 and 3)."""
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
    """[B, blocks] bool: which blocks are above both gates (eqs. 5–7)."""
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
