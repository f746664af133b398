"""Select the encoder of a model: the requested one, or the configured fallback."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ai_mixer.models.audioset_weights import UnavailableError, audioset_weights
from ai_mixer.utils.log import logger

SCRATCH, AUDIOSET = "scratch", "audioset"


@dataclass(frozen=True)
class EncoderChoice:
    """The selected encoder.

    name: "scratch" or "audioset". weights: pretrained weights, if any. tag: description for the
    run. rebuild_config: config values with which a saved model is rebuilt from its own file, with
    the same choice and without a download.
    """

    name: str
    weights: dict[str, Tensor] | None
    tag: str
    rebuild_config: dict[str, Any] = field(default_factory=dict)


def choose_encoder(requested: str | None, fallback: str | None, pretrained: bool) -> EncoderChoice:
    """Select an encoder. requested: "audioset" or None (scratch); fallback: "scratch" or None.

    Logs a warning if it uses the fallback. Raises ValueError for other names, and if the weights
    are unavailable and there is no fallback.
    """
    _check("encoder", requested, AUDIOSET)
    _check("encoder_fallback", fallback, SCRATCH)
    if requested is None:
        return EncoderChoice(SCRATCH, None, SCRATCH)
    if not pretrained:
        return EncoderChoice(AUDIOSET, None, f"{AUDIOSET}, without pretrained weights")
    try:
        return EncoderChoice(AUDIOSET, audioset_weights(), AUDIOSET, {"encoder_pretrained": False})
    except UnavailableError as error:
        if fallback is None:
            raise ValueError(
                f"model.encoder={AUDIOSET}: {error}, or set model.encoder_fallback={SCRATCH}"
            ) from error
        tag = f"{SCRATCH} ({AUDIOSET} not available: {error.reason})"
        logger.warning("model.encoder: %s", tag)
        return EncoderChoice(SCRATCH, None, tag, {"encoder": None, "encoder_fallback": None})


def _check(name: str, value: str | None, allowed: str) -> None:
    if value not in {None, allowed}:
        raise ValueError(f"model.{name}={value}: must be {allowed} or null")
