"""Load the pretrained AudioSet weights from the local cache, or download them once.

Source: MIT/ast-finetuned-audioset-10-10-0.4593 on Hugging Face, by the authors of AST,
BSD-3-Clause, 346 MB, one fixed revision. Only the safetensors file is used (no pickle), and its
keys are converted here: the library that wrote it renames them in nearly every version.
"""

import logging
from pathlib import Path

import torch
from torch import Tensor

from ai_mixer.utils.log import logger

REPOSITORY = "MIT/ast-finetuned-audioset-10-10-0.4593"
REVISION = "f826b80d28226b62986cc218e5cec390b1096902"
FILE = "model.safetensors"
KEY_MAP = {  # keys of the file → keys of AudioSetEncoder, replaced in this order
    "embeddings.patch_embeddings.projection": "patches",
    "embeddings.position_embeddings": "positions",
    "encoder.layer.": "layers.layers.",
    "attention.output.dense": "self_attn.out_proj",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "layernorm": "layers.norm",
}
PREFIX, ATTENTION = "audio_spectrogram_transformer.", "attention.attention."
TOKENS = ("embeddings.cls_token", "embeddings.distillation_token")


class UnavailableError(ValueError):
    """The weights are unavailable. reason: why, in a few words; remedy: how to get them."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason, self.remedy = reason, remedy


def audioset_weights() -> dict[str, Tensor]:
    """State dict of `AudioSetEncoder`.

    Raises UnavailableError if the extra `encoders` is not installed, or if the file is not cached
    and cannot be downloaded; ValueError if the file holds other weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = weights_file()
    try:
        return convert_keys(load_file(file))
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{file}: not the published weights ({error}): delete it") from error


def weights_file() -> Path:
    """Path of the published file; downloads it at first use, with a log message."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        remedy = "pip install 'ai-mixer[encoders]'"
        raise UnavailableError("the extra `encoders` is not installed", remedy) from error
    try:
        return Path(hf_hub_download(REPOSITORY, FILE, revision=REVISION, local_files_only=True))
    except OSError:
        logger.info("downloading %s (346 MB, once)", REPOSITORY)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs every retry
    try:
        return Path(hf_hub_download(REPOSITORY, FILE, revision=REVISION))
    except Exception as error:  # the type depends on the network libraries installed
        reason = f"not cached, and the download failed ({type(error).__name__})"
        raise UnavailableError(reason, "connect to the internet once") from error


def convert_keys(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert the published tensors to the keys of `AudioSetEncoder`.

    Queries, keys and values are packed into one tensor; the classifier is dropped.
    """
    remaining = {
        name.removeprefix(PREFIX): weights
        for name, weights in published.items()
        if name.startswith(PREFIX)
    }
    converted = {"summaries": torch.cat([remaining.pop(name) for name in TOKENS], dim=1)}
    for name in [name for name in remaining if f"{ATTENTION}query" in name]:
        parts = [remaining.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        layer, _, kind = _converted_key(name).partition(f"{ATTENTION}query.")
        converted[f"{layer}self_attn.in_proj_{kind}"] = torch.cat(parts)
    return converted | {_converted_key(name): weights for name, weights in remaining.items()}


def _converted_key(name: str) -> str:
    for published, ours in KEY_MAP.items():
        name = name.replace(published, ours)
    return name
