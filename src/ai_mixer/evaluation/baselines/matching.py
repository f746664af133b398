"""`matching`: the Matchering package, run in a separate process and environment.

The package is under the GPL and never imported here. `make bench-peers` creates the environment;
without it, the tables list the system as not evaluated.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

from ai_mixer.config.stage_command import stage_command
from ai_mixer.core.types import Batch, Condition
from ai_mixer.evaluation.baselines.system import ComparedSystem, SystemOutput, conditioning_audio

SCRIPT = Path("benchmarks") / "run_matchering.py"
TIMEOUT_S = 600.0


class MatcheringBaseline(ComparedSystem):
    """Matchering with the conditioning audio as its reference.

    Under `paired` its reference is the finished version itself, so the result is a bound.
    python: interpreter of the environment that holds the package.
    """

    conditions = ("reference", "paired")

    def __init__(self, python: Path = Path(".venv-peers") / "bin" / "python") -> None:
        self.python = python

    def prepare(self) -> None:
        """OSError if the environment or the package is missing."""
        if not self.python.is_file() or not SCRIPT.is_file():
            raise FileNotFoundError(
                f"{self.python} or {SCRIPT} is missing: "
                f"`{stage_command('bench-peers')}` creates the environment"
            )
        self._run("-c", "import matchering")

    def mix(self, batch: Batch, condition: Condition) -> SystemOutput:
        """Return Matchering's limited result. OSError with its last line of output if it fails."""
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

    def _run(self, *arguments: str) -> None:
        command = [str(self.python), *arguments]
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if process.returncode != 0:
            last_line = (process.stderr.strip().splitlines() or ["no error output"])[-1]
            raise OSError(f"matchering: {last_line}")
