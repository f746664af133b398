"""Interface of models that are fitted to examples in one step, without gradients."""

from typing import NamedTuple

from torch import Tensor, nn


class FitExamples(NamedTuple):
    """Profiles of training examples (`metrics.sound_profile`), and their knobs.

    finished: [N, F]. songs: index of the song of each example, [N]. reference: another excerpt of
    the same production, [N, F], NaN where there is none. rough: [N, F], of which the console with
    knobs [N, P] makes the finished version; mask: [N, P], where a knob has a target. damaged:
    [N, F], the finished version with real damage.
    """

    finished: Tensor
    songs: Tensor
    reference: Tensor
    rough: Tensor
    knobs: Tensor
    mask: Tensor
    damaged: Tensor


class ClosedFormModel(nn.Module):
    """[B, C, T] rough and reference → [B, P] knob positions; `fit` replaces the training.

    joins_windows: a long song is predicted once, from all its windows one after the other, and not
    as the mean of their predictions: the profile of a song is more certain than that of a window.
    """

    joins_windows = True

    def fit(self, examples: FitExamples, neutral: Tensor) -> None:
        """Fit to examples of the training songs. neutral: positions [P] that change nothing."""
        raise NotImplementedError
