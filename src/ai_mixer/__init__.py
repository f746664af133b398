"""ai_mixer: a model listens to a rough song, sets the knobs of a differentiable console.

What outsiders build on: `AudioMixer` (songs from file to file), `load_console` (the console, its
knobs and settings), `load_model` (a trained model at its console), `fit` (the knobs between a rough
and its finished version) and `deliver` (a loudness under a true-peak ceiling).
"""

import importlib
from typing import TYPE_CHECKING, Any

from ai_mixer.core.version import __version__

if TYPE_CHECKING:
    from ai_mixer.console import Console, load_console
    from ai_mixer.core.types import Knob
    from ai_mixer.inference.knob_fitting import Fit, fit
    from ai_mixer.inference.predictor import Mixer, load_model
    from ai_mixer.mastering.delivery import Delivered, deliver
    from ai_mixer.mixing.audio_mixer import AudioMixer

__all__ = [
    "AudioMixer",
    "Console",
    "Delivered",
    "Fit",
    "Knob",
    "Mixer",
    "__version__",
    "deliver",
    "fit",
    "load_console",
    "load_model",
]
_HOMES = {
    "AudioMixer": "ai_mixer.mixing.audio_mixer",
    "Console": "ai_mixer.console",
    "load_console": "ai_mixer.console",
    "Delivered": "ai_mixer.mastering.delivery",
    "deliver": "ai_mixer.mastering.delivery",
    "Fit": "ai_mixer.inference.knob_fitting",
    "fit": "ai_mixer.inference.knob_fitting",
    "Mixer": "ai_mixer.inference.predictor",
    "load_model": "ai_mixer.inference.predictor",
    "Knob": "ai_mixer.core.types",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import ai_mixer` alone stays instant (torch takes seconds)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ai_mixer' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
