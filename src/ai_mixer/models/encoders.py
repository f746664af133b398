"""Which encoder a model gets: the one asked for, or, if said so beforehand, the one at hand."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ai_mixer.models.audioset_weights import UnavailableError, audioset_weights

SCRATCH, AUDIOSET = "scratch", "audioset"


@dataclass(frozen=True)
class EncoderChoice:
    """The encoder's `name`, its pretrained `weights` if it has any, and what a run should know.

    tag: what the model really is, for people. settled: config values with which the model is built
    again from its own file, so that nothing is fetched and a fallback stays one.
    """

    name: str
    weights: dict[str, Tensor] | None
    tag: str
    rebuild_config: dict[str, Any] = field(default_factory=dict)


def choose_encoder(requested: str | None, fallback: str | None, pretrained: bool) -> EncoderChoice:
    """asked: "audioset", or None for none; fallback: "scratch" or None. Says so if it falls back.

    ValueError for other words, and if the weights cannot be had and there is no fallback.
    """
    _check("encoder", requested, AUDIOSET)
    _check("encoder_fallback", fallback, SCRATCH)
    if requested is None:
        return EncoderChoice(SCRATCH, None, SCRATCH)
    if not pretrained:
        return EncoderChoice(AUDIOSET, None, f"{AUDIOSET}, without its weights")
    try:
        return EncoderChoice(AUDIOSET, audioset_weights(), AUDIOSET, {"encoder_pretrained": False})
    except UnavailableError as error:
        if fallback is None:
            raise ValueError(
                f"model.encoder={AUDIOSET}: {error}, "
                f"or go on without it by model.encoder_fallback={SCRATCH}"
            ) from error
        tag = f"{SCRATCH} ({AUDIOSET} not available: {error.reason})"
        print(f"model.encoder: {tag}", flush=True)
        return EncoderChoice(SCRATCH, None, tag, {"encoder": None, "encoder_fallback": None})


def _check(name: str, value: str | None, known: str) -> None:
    if value not in {None, known}:
        raise ValueError(f"model.{name}={value}: there is {known}, or null for none")
