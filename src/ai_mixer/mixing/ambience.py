"""Reverb and echo of a song and of a reference, as settings of the console `classic`."""

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


def ambience_of_reference(
    predictor: Predictor, song: AudioFile, reference: AudioFile
) -> KnobValues:
    """Knob → setting that a reference has and the song lacks, where it is certain.

    Empty for other consoles and for models trained on both knobs.
    """
    missing = [name for name in _knobs(predictor) if not _is_trained(predictor, name)]
    return _settings(predictor, missing, song, reference)


def ambience_of_song(predictor: Predictor, song: AudioFile) -> KnobValues:
    """Knob → setting that a song has already, where it is certain. Empty for other consoles."""
    return _settings(predictor, _knobs(predictor), song)


def _knobs(predictor: Predictor) -> list[str]:
    """Names of the knobs that can be estimated."""
    if console_of(predictor).entry != CONSOLE_NAME or predictor.sample_rate != RATE_HZ:
        return []
    return [name for name in KNOBS if name in predictor.console.names]


@torch.no_grad()
def _settings(predictor: Predictor, names: list[str], *files: AudioFile) -> KnobValues:
    """Certain settings of a song, or of a song and a reference."""
    if not names:
        return {}
    profiles = [_profile(file, predictor) for file in files]
    model = _model()
    found = model.of_song(*profiles) if len(files) == 1 else model.of_reference(*profiles)
    positions = dict(zip(KNOBS, found[0], strict=True))
    knobs = console_of(predictor).knobs
    return {
        name: float(knobs[name].to_physical(positions[name]))
        for name in names
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
    sizes = [len(weights[f"{kind}.reverb.support"]) for kind in ("reference", "song")]
    model = Ambience(weights["song.reverb.support"].shape[1], *sizes)
    model.load_state_dict(weights)
    return model.eval()
