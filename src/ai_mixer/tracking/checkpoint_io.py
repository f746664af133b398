"""Lightning's checkpoints on disk: whole or not there, and stamped with our format and the run.

Lightning writes into the folder for temporary files and moves the file from there. Between two
disks a move is a copy, and a kill in its middle leaves half a file under the right name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from ai_mixer.config.renamed import translate_callbacks
from ai_mixer.utils.atomic_write import atomic_write

FORMAT = 1
METADATA_KEY = "ai_mixer"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames; reads nothing it does not know."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """A reader finds the old file or the new one, also after a kill or a power cut."""
        with atomic_write(Path(path), durable=True) as temporary, temporary.open("wb") as file:
            torch.save({**checkpoint, METADATA_KEY: {"format": FORMAT, "run": self.run_id}}, file)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What was saved, on the CPU. ValueError in one line if it is none of ours."""
        return read_checkpoint(path)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A checkpoint of ours, on the CPU. ValueError in one line, naming the file, if it is not."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever unpickling half a file, or a text, comes upon
        raise ValueError(
            f"{path} is damaged or no checkpoint of ai_mixer: give the last.ckpt of a run"
        ) from error
    stamp = checkpoint.get(METADATA_KEY) if isinstance(checkpoint, Mapping) else None
    version = stamp.get("format") if isinstance(stamp, Mapping) else None
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version!r}, this version reads {FORMAT}: "
            "go on with the ai_mixer it was made with, or train again"
        )
    states = translate_callbacks(checkpoint.get("callbacks", {}))
    return {**checkpoint, "callbacks": states}


def completed_epochs(checkpoint: Mapping[str, Any]) -> int:
    """Whole epochs behind a checkpoint."""
    return int(checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])
