"""Windows of a song: the excerpts of the model's length that a prediction is averaged over."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ai_mixer.core.types import Condition
from ai_mixer.dsp.resample import resample

MAX_WINDOWS = 8  # excerpts of a long song that are analysed
MIN_WINDOW_SAMPLES = 8192  # samples; shorter audio is padded with silence to fit one frame
EXCERPT_S = 20.0  # of a reference and its rough: refinement renders each some 30 times


class Windows(Protocol):
    """Windows of songs, [B, C, T] each: a tensor [windows, B, C, T], or read from a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, n: int, /) -> Tensor: ...


class ModelInputs(NamedTuple):
    """Windows [windows, B, 2, window] of rough and target, at the model's rate.

    The target is silent if blind.
    """

    rough: Tensor
    target: Tensor
    condition: Condition


def model_inputs(
    audio: Tensor,
    reference: Tensor | None,
    finished: Tensor | None,
    cut: Callable[[Tensor, str], Tensor],
) -> ModelInputs:
    """Cut rough and reference or finished version into windows. cut: (audio, name) → windows.

    ValueError if both are given, or if batch sizes or lengths do not match.
    """
    if reference is not None and finished is not None:
        raise ValueError("give a reference or a finished version, not both")
    rough = cut(audio, "audio")
    condition: Condition = "blind"
    target = torch.zeros_like(rough)
    if reference is not None:
        condition, target = "reference", cut(reference, "reference")
    if finished is not None:
        condition, target = "paired", cut(finished, "finished")
    if target.shape[1] == 1 < rough.shape[1]:
        target = target.expand(-1, rough.shape[1], -1, -1)  # one reference for all songs
    songs = rough.shape[1]
    if target.shape[1] != songs:
        raise ValueError(
            f"{condition} must have the batch size of audio ({songs}) or 1, got {target.shape[1]}"
        )
    if condition == "paired" and target.shape != rough.shape:
        raise ValueError("finished must be as long as audio: it is the same excerpt")
    return ModelInputs(rough, target, condition)


def cut_windows(
    audio: Tensor, sample_rate: int, model_rate: int, window: int | None, name: str
) -> Tensor:
    """Cut [B, C, T] or [C, T] into windows [windows, B, 2, window] at the model's rate.

    window: samples; None for the whole song. name: of the audio, for errors. ValueError for another
    shape, integers, NaN or infinity.
    """
    if not audio.is_floating_point():
        raise ValueError(f"{name} must be of a float type, got {audio.dtype}: full scale is 1")
    audio = audio[None] if audio.dim() == 2 else audio
    if not audio.isfinite().all():
        raise ValueError(f"{name} has NaN or infinite samples: export the file again")
    if audio.dim() != 3 or audio.shape[1] not in {1, 2} or audio.shape[2] == 0:
        raise ValueError(f"{name} must be [B, 1 or 2, T] or [1 or 2, T], got {list(audio.shape)}")
    audio = resample(audio.float(), sample_rate, model_rate).expand(-1, 2, -1)
    length = audio.shape[-1]
    if window is None or length <= window:
        return pad(audio, max(length, MIN_WINDOW_SAMPLES))[None]
    count = min(MAX_WINDOWS, length // window)
    starts = torch.linspace(0, length - window, count).long() if count > 1 else [0]
    return torch.stack([audio[..., int(s) : int(s) + window] for s in starts])


def pad(audio: Tensor, length: int) -> Tensor:
    """Append silence up to a length in samples."""
    return nn.functional.pad(audio, (0, length - audio.shape[-1]))


def reference_excerpt(windows: Windows, sample_rate: int) -> Tensor:
    """Return up to EXCERPT_S of a song, from evenly spaced windows: [B, C, T]."""
    length = round(EXCERPT_S * sample_rate)
    count = max(1, min(len(windows), length // windows[0].shape[-1]))
    chosen = [windows[(2 * n + 1) * len(windows) // (2 * count)] for n in range(count)]
    return torch.cat(chosen, -1)[..., :length]
