"""Write Lightning checkpoints atomically, with the version of the format and the id of the run.

Lightning writes to the system's temporary folder and moves the file. Between two disks a move is a
copy: if it is interrupted, an incomplete file remains under the final name.
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
    """Write to a temporary file in the target's folder, then rename; read with a format check."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write atomically: after a kill or power failure, the old or the new file is complete."""
        with atomic_write(Path(path), durable=True) as temporary, temporary.open("wb") as file:
            torch.save({**checkpoint, METADATA_KEY: {"format": FORMAT, "run": self.run_id}}, file)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint to the CPU: see `read_checkpoint`."""
        return read_checkpoint(path)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU. ValueError if it is damaged or not of this format."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # unpickling an incomplete or foreign file can raise any error
        raise ValueError(
            f"{path} is damaged or no checkpoint of ai_mixer: give the last.ckpt of a run"
        ) from error
    metadata = checkpoint.get(METADATA_KEY) if isinstance(checkpoint, Mapping) else None
    version = metadata.get("format") if isinstance(metadata, Mapping) else None
    if version != FORMAT:
        raise ValueError(
            f"{path} has format {version!r}, this version reads {FORMAT}: "
            "use the version of ai_mixer that wrote it, or train again"
        )
    states = translate_callbacks(checkpoint.get("callbacks", {}))
    return {**checkpoint, "callbacks": states}


def completed_epochs(checkpoint: Mapping[str, Any]) -> int:
    """Return the number of completed epochs of a checkpoint."""
    return int(checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])
