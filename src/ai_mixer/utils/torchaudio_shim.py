"""Import of torchaudio with a CPU-only build of torch.

The Linux wheels of torchaudio 2.11 (its last release) are linked against CUDA 13. Without those
libraries the import fails, although mel spectrograms need no native code. Use
`from ai_mixer.utils.torchaudio_shim import torchaudio`: if the import fails, the native extension
is declared absent, which torchaudio supports (docs/decisions/0003-torchaudio-without-cuda.md).
"""

import importlib
import sys
from types import ModuleType


def _import_torchaudio() -> ModuleType:
    try:
        return importlib.import_module("torchaudio")
    except OSError:
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        extension = ModuleType("torchaudio._extension", "Stand-in: no native extension.")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
        extension.fail_if_no_align = lambda function: function  # type: ignore[attr-defined]
        sys.modules[extension.__name__] = extension
        return importlib.import_module("torchaudio")


torchaudio = _import_torchaudio()
