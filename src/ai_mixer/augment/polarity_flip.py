"""Polarity inversion."""

from torch import Tensor

from ai_mixer.augment.augment import SharedAugment


class PolarityFlip(SharedAugment):
    """x → −x. Inaudible, and every effect of the console is odd, so all knobs stay valid."""

    def process(self, audio: Tensor) -> Tensor:
        """audio: [C, T]. Returns [C, T]."""
        return -audio
