"""Channel swap."""

from torch import Tensor

from ai_mixer.augment.augment import SharedAugment


class ChannelSwap(SharedAugment):
    """Exchange left and right.

    The console processes both channels equally (except for the noise of the reverb tail), so all
    knobs stay valid.
    """

    def process(self, audio: Tensor) -> Tensor:
        """audio: [C, T]. Returns [C, T]; mono is unchanged."""
        return audio.flip(-2)
