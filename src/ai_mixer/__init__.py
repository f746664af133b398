"""Predict the knobs of a differentiable mixing console from audio.

Public API: `AudioMixer` (mix audio files), `load_console` (a console, its knobs and settings),
`load_model` (a trained model with its console), `fit_knobs` (estimate the knobs that turn a rough
into its finished version) and `deliver` (reach a loudness target under a true-peak ceiling).
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from ai_mixer.core.version import __version__

if TYPE_CHECKING:
    from ai_mixer.console import Console, load_console
    from ai_mixer.core.knob import Knob
    from ai_mixer.inference.knob_fitting import KnobFit, fit_knobs
    from ai_mixer.inference.predictor import Predictor, load_model
    from ai_mixer.mastering.delivery import DeliveryResult, deliver
    from ai_mixer.mixing.audio_mixer import AudioMixer

__all__ = [
    "AudioMixer",
    "Console",
    "DeliveryResult",
    "Knob",
    "KnobFit",
    "Predictor",
    "__version__",
    "deliver",
    "fit_knobs",
    "load_console",
    "load_model",
]

_MODULES = {
    "AudioMixer": "ai_mixer.mixing.audio_mixer",
    "Console": "ai_mixer.console",
    "DeliveryResult": "ai_mixer.mastering.delivery",
    "Knob": "ai_mixer.core.knob",
    "KnobFit": "ai_mixer.inference.knob_fitting",
    "Predictor": "ai_mixer.inference.predictor",
    "deliver": "ai_mixer.mastering.delivery",
    "fit_knobs": "ai_mixer.inference.knob_fitting",
    "load_console": "ai_mixer.console",
    "load_model": "ai_mixer.inference.predictor",
}
_RENAMED = {
    "Delivered": "DeliveryResult",
    "Fit": "KnobFit",
    "Mixer": "Predictor",
    "fit": "fit_knobs",
}


def __getattr__(name: str) -> Any:
    """Import public names on first use: importing torch takes seconds."""
    if name in _RENAMED:
        new = _RENAMED[name]
        warnings.warn(f"ai_mixer.{name} is now ai_mixer.{new}", DeprecationWarning, stacklevel=2)
        return __getattr__(new)
    if name not in _MODULES:
        raise AttributeError(f"module 'ai_mixer' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
