"""Polarity: turn the whole signal upside down."""

from torch import Tensor

from ai_mixer.augment.augment import SharedAugment


class PolarityFlip(SharedAugment):
    """x → −x. Nobody hears it, and every effect of the console is odd, so all knobs stay true."""

    def process(self, audio: Tensor) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        return -audio
