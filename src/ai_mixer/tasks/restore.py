"""The task `restore`: the rough is a finished excerpt, inverted by the console with random knobs.

rough = console.invert(finished, knobs), so that console(rough, knobs) ≈ finished with known knobs.
Reverb and delay have no inverse: with a dry version of the song they are applied to it to make the
finished version, without one they are neutral and masked.

If a song has a real rough (before and after), it is used as it is: the knobs are unknown, all are
masked, and only losses on audio apply.

An example is made in two steps: `collect` reads files and draws numbers, in a worker of the loader;
`make` runs the console on a batch of these inputs, on their device.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console import Console
from ai_mixer.console.load import require_single
from ai_mixer.core.types import CONDITIONS, Condition, Example
from ai_mixer.tasks.restore_batch import MAX_DRAWS, RestoreInput, make_examples

DEVICES = ("cpu", "cuda")


class Restore:
    """Task for one stereo file.

    condition: one of CONDITIONS, or "any": drawn for each example. device: where training examples
    are made: "cpu", by the loader's workers; "cuda", in batches on the GPU. ValueError for others.
    """

    def __init__(
        self,
        console: Console,
        condition: Condition | Literal["any"] = "any",
        device: Literal["cpu", "cuda"] = "cpu",
    ) -> None:
        if condition not in (*CONDITIONS, "any"):
            known = ", ".join([*CONDITIONS, "any"])
            raise ValueError(f"condition {condition!r} is unknown: use one of {known}")
        if device not in DEVICES:
            raise ValueError(f"device {device!r} is unknown: use one of {', '.join(DEVICES)}")
        console = require_single(console, "the chosen console")
        # A copy on the CPU, for the workers: the model's console may move to a GPU.
        self.console, self.condition = copy.deepcopy(console).cpu(), condition
        self.device = device

    def __call__(
        self,
        finished: Tensor,
        other_excerpt: Callable[[], Tensor],
        *,
        dry: bool,
        sample_rate: int,
        rng: np.random.Generator,
        condition: Condition | None = None,
        rough: Tensor | None = None,
    ) -> Example:
        """Make one example; the caller sets genre and song id. Arguments: see `collect`."""
        collected = self.collect(
            finished,
            other_excerpt,
            dry=dry,
            sample_rate=sample_rate,
            rng=rng,
            condition=condition,
            rough=rough,
        )
        return self.make([collected])[0]

    def collect(
        self,
        finished: Tensor,
        other_excerpt: Callable[[], Tensor],
        *,
        dry: bool,
        sample_rate: int,
        rng: np.random.Generator,
        condition: Condition | None = None,
        rough: Tensor | None = None,
    ) -> RestoreInput:
        """Draw all numbers and read all audio of one example.

        finished: [C, T], before reverb and delay if `dry`. other_excerpt: returns another excerpt
        of the same recording; called under the condition "reference" only. rough: [C, T], a real
        rough; the knobs are then unknown, and all are unlabelled. The same state of `rng` gives the
        same rough, finished and knobs under all conditions.
        """
        drawn = CONDITIONS[rng.integers(len(CONDITIONS))]
        condition = condition or (drawn if self.condition == "any" else self.condition)
        return RestoreInput(
            finished=finished,
            draws=torch.from_numpy(rng.random((MAX_DRAWS, len(self.console.knobs)))),
            condition=condition,
            dry=dry and rough is None,
            sample_rate=sample_rate,
            other=other_excerpt() if condition == "reference" else None,
            rough=rough,
        )

    def make(self, inputs: Sequence[RestoreInput]) -> list[Example]:
        """Make examples of equal length, in a batch on the device of the inputs."""
        return make_examples(self.console, inputs)
