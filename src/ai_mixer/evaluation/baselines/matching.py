"""`matching`: the Matchering package, in a process and an environment of its own.

It is under the GPL: never imported here. `make bench-peers` makes the environment; where there is
none, the tables say so.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

from ai_mixer.core.types import Batch
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput, conditioning_audio

SCRIPT = Path("benchmarks") / "matching.py"
TIMEOUT_S = 600.0


class MatcheringBaseline(ComparedSystem):
    """It hears the reference; under `paired` the very answer, which is its cheating bound.

    python: of the environment that holds the package.
    """

    conditions = ("reference", "paired")

    def __init__(self, python: Path = Path(".venv-peers") / "bin" / "python") -> None:
        self.python = python

    def prepare(self) -> None:
        """OSError if the environment or the package is missing."""
        if not self.python.is_file() or not SCRIPT.is_file():
            raise FileNotFoundError(f"no {self.python} or {SCRIPT}: `make bench-peers` makes it")
        self._run("-c", "import matchering")

    def mix(self, batch: Batch, condition: str) -> SystemOutput:
        """Its limited result. OSError with its last line if it fails."""
        other = conditioning_audio(batch, condition)
        assert other is not None
        pairs = zip(batch.rough, other, strict=True)
        return SystemOutput(torch.stack([self._match(*pair, batch.sample_rate) for pair in pairs]))

    def _match(self, rough: torch.Tensor, other: torch.Tensor, rate: int) -> torch.Tensor:
        """[C, T] and [C, any length] → [C, T]"""
        with tempfile.TemporaryDirectory(prefix="ai_mixer-") as folder:
            files = [Path(folder) / f"{name}.wav" for name in ("target", "reference", "result")]
            for file, audio in zip(files, (rough, other), strict=False):
                soundfile.write(file, audio.T.numpy(), rate, subtype="FLOAT")
            self._run(str(SCRIPT), *map(str, files))
            result, _ = soundfile.read(files[-1], dtype="float32", always_2d=True)
        return torch.from_numpy(np.ascontiguousarray(result.T))

    def _run(self, *words: str) -> None:
        command = [str(self.python), *words]
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if ended.returncode != 0:
            said = (ended.stderr.strip().splitlines() or ["no word"])[-1]
            raise OSError(f"matchering: {said}")
