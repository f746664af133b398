"""Where the pretrained AudioSet weights come from: the local cache, else Hugging Face, once.

MIT/ast-finetuned-audioset-10-10-0.4593 by the authors of AST, BSD-3-Clause, 346 MB, one fixed
revision. Only the file is taken (safetensors, no pickle) and its names are read here: the library
that wrote it names the same weights differently in nearly every version.
"""

import logging
from pathlib import Path

import torch
from torch import Tensor

REPOSITORY = "MIT/ast-finetuned-audioset-10-10-0.4593"
REVISION = "f826b80d28226b62986cc218e5cec390b1096902"
FILE = "model.safetensors"
KEY_MAP = {  # in this order: the file's names → those of AudioSetEncoder
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
PREFIX, ATTENTION, TOKENS = (
    "audio_spectrogram_transformer.",
    "attention.attention.",
    ("embeddings.cls_token", "embeddings.distillation_token"),
)


class UnavailableError(ValueError):
    """The weights cannot be had now: `reason` in a few words, and the `way` to them."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason, self.remedy = reason, remedy


def audioset_weights() -> dict[str, Tensor]:
    """The weights of `AudioSetEncoder`.

    UnavailableError without the extra, or offline and not cached; ValueError, naming the file, if
    it holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = weights_file()
    try:
        return convert_keys(load_file(file))
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{file}: not the published weights ({error}): delete it") from error


def weights_file() -> Path:
    """The published file on this machine; fetched at first use, which a line on the screen says."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        remedy = "pip install 'ai-mixer[encoders]'"
        raise UnavailableError("the extra `encoders` is not installed", remedy) from error
    try:
        return Path(hf_hub_download(REPOSITORY, FILE, revision=REVISION, local_files_only=True))
    except OSError:
        print(f"fetching {REPOSITORY} (346 MB, once) …", flush=True)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # a line or two for each retry
    try:
        return Path(hf_hub_download(REPOSITORY, FILE, revision=REVISION))
    except Exception as error:  # of whatever stack of network libraries there is
        reason = f"not in the cache, and huggingface.co does not give it ({type(error).__name__})"
        raise UnavailableError(reason, "go online once") from error


def convert_keys(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under our names, queries, keys and values packed; its labels left out."""
    found = {
        name.removeprefix(PREFIX): weights
        for name, weights in published.items()
        if name.startswith(PREFIX)
    }
    ours = {"summaries": torch.cat([found.pop(name) for name in TOKENS], dim=1)}
    for name in [name for name in found if f"{ATTENTION}query" in name]:
        parts = [found.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        place, _, kind = _converted_key(name).partition(f"{ATTENTION}query.")
        ours[f"{place}self_attn.in_proj_{kind}"] = torch.cat(parts)
    return ours | {_converted_key(name): weights for name, weights in found.items()}


def _converted_key(name: str) -> str:
    for theirs, our in KEY_MAP.items():
        name = name.replace(theirs, our)
    return name
