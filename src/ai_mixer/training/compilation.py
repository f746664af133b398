"""Compile a model for training (`compile=true`)."""

import os
import shutil

from torch import nn

from ai_mixer.models.feature_model import FeatureModel

COMPILERS = ("g++", "clang++", "c++")
OPTIONS = {"fallback_random": True}  # torch's generator: dropout draws as without compilation


def compile_in_place(model: nn.Module) -> None:
    """Compile the parts of a model that have weights, with torch.compile.

    `nn.Module.compile` keeps the module, so the keys of its state dict stay. A FeatureModel is used
    by its methods, not by calling it, so the modules inside it are compiled; its feature extractor
    has no weights and stays as it is.
    """
    if not isinstance(model, FeatureModel | nn.ModuleList | nn.ModuleDict):
        if any(True for _ in model.parameters()):
            model.compile(options=OPTIONS)
        return
    for child in model.children():
        compile_in_place(child)


def check_compiler(accelerator: str) -> None:
    """Check that torch.compile can work. ValueError (one line) without a compiler for the CPU."""
    candidates = (os.environ.get("CXX", ""), *COMPILERS)
    if accelerator == "cpu" and not any(name and shutil.which(name) for name in candidates):
        raise ValueError(
            "compile=true needs a C++ compiler, and none is installed: install g++, "
            "or leave compile=false"
        )
