"""Channels: the listener turns round."""

from torch import Tensor

from ai_mixer.augment.augment import SharedAugment


class ChannelSwap(SharedAugment):
    """Left ↔ right. The console treats both alike (but for the pattern of a reverb tail), so all
    knobs stay true.
    """

    def process(self, audio: Tensor) -> Tensor:
        """audio: [C, T]. Returns [C, T]; mono stays as it is."""
        return audio.flip(-2)
