"""Reverb and echo that a reference has and the song lacks, as settings of the console `classic`."""

from functools import lru_cache

import torch
from safetensors.torch import load_file
from torch import Tensor

from ai_mixer.audio import AudioFile
from ai_mixer.faults.ambience_profile import ambience_profile
from ai_mixer.faults.fault_profile import RATE_HZ
from ai_mixer.inference import pretrained
from ai_mixer.inference.predictor import Predictor
from ai_mixer.mixing.console_cache import CONSOLE_NAME
from ai_mixer.mixing.mix_console import console_of
from ai_mixer.mixing.mix_options import KnobValues
from ai_mixer.mixing.windowed_prediction import SongWindows
from ai_mixer.models.ambience import KNOBS, Ambience
from ai_mixer.tracking.int8 import dequantize

FILE = pretrained.MODELS_DIR / "ambience.safetensors"
ECHO_MS = 350.0  # of the delay of `classic`


@torch.no_grad()
def ambience_of_reference(
    predictor: Predictor, song: AudioFile, reference: AudioFile
) -> KnobValues:
    """Knob → setting where it is certain; empty for other consoles and models trained on both."""
    console, names = console_of(predictor), predictor.console.names
    missing = [name for name in KNOBS if name in names and not _is_trained(predictor, name)]
    if console.entry != CONSOLE_NAME or predictor.sample_rate != RATE_HZ or not missing:
        return {}
    profiles = (_profile(file, predictor) for file in (song, reference))
    positions = dict(zip(KNOBS, _model()(*profiles)[0], strict=True))
    return {
        name: float(console.knobs[name].to_physical(positions[name]))
        for name in missing
        if positions[name] > 0
    }


def _is_trained(predictor: Predictor, knob: str) -> bool:
    return bool(predictor.trained_knobs[predictor.console.names.index(knob)])


def _profile(song: AudioFile, predictor: Predictor) -> Tensor:
    """Mean profile of the windows, [1, F]."""
    windows = SongWindows(song, predictor)
    parts = [ambience_profile(windows[n].expand(-1, 2, -1), ECHO_MS) for n in range(len(windows))]
    return torch.cat(parts).mean(0, keepdim=True)


@lru_cache
def _model() -> Ambience:
    weights = dequantize(load_file(FILE))
    size, n_values = weights["reverb.support"].shape
    model = Ambience(n_values // 2, size)
    model.load_state_dict(weights)
    return model.eval()
