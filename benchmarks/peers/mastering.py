"""A mix with a reference: model and console against matching tools.

Not the same work, but the same use. The model is untrained, which does not change its time.
"""

from collections.abc import Iterator

import hydra
import torch
from comparison import PeerComparison
from torch import Tensor

from ai_mixer.config.folder import config_folder
from ai_mixer.evaluation.bench.timing import TimedFunction
from ai_mixer.inference.builders import build_console, build_model


def comparisons(audio: Tensor, rate: int) -> Iterator[PeerComparison]:
    """A whole mix with a reference."""
    finished = 0.5 * audio.flip(-1)
    yield PeerComparison(
        "mix with a reference, f",
        _ours(audio, finished, rate),
        {
            "matchering": lambda: _matchering(audio, finished, rate),
            "libsonare (pop preset)": lambda: _libsonare(audio, rate),
        },
    )


def _ours(audio: Tensor, finished: Tensor, rate: int) -> TimedFunction:
    with hydra.initialize_config_dir(str(config_folder()), version_base="1.3"):
        cfg = hydra.compose("stage/train", ["run_name=bench", f"loader.sample_rate={rate}"])
    console = build_console(cfg)
    model, condition = build_model(cfg, console).eval(), torch.ones(1, dtype=torch.long)

    @torch.inference_mode()
    def job() -> None:
        console(audio, rate, model(audio, finished, condition))

    return job


def _matchering(audio: Tensor, finished: Tensor, rate: int) -> TimedFunction:
    from matchering import Config
    from matchering.stages import main

    target, reference = (x[0].T.double().numpy() for x in (audio, finished))
    config = Config(internal_sample_rate=rate)
    return lambda: main(target.copy(), reference.copy(), config, need_default=True)


def _libsonare(audio: Tensor, rate: int) -> TimedFunction:
    import libsonare

    left, right = (row.numpy() for row in audio[0])
    return lambda: libsonare.master_audio_stereo(left, right, rate)
