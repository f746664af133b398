"""Render a mix of several tracks block by block, with its stems.

Each track passes through its strip alone, so memory does not grow with their number: the sum and
the input of each bus are kept in files of a temporary folder.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from ai_mixer.audio import write_audio
from ai_mixer.console import Console, ConsoleGraph
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.mixing.track_inputs import (
    BLOCK_SAMPLES,
    STEREO,
    TrackInput,
    gain_to_track_level,
)
from ai_mixer.utils.atomic_write import exclusive_write
from ai_mixer.utils.progress import progress_bar

STEM_SUBTYPE = "FLOAT"  # stems may exceed full scale


class TrackRenderer:
    """Renders one song. folder: for temporary files. stems: paths for the processed tracks.

    groups (tracks routed to a bus instead of the mix) are not supported; `studio` has none.
    """

    def __init__(
        self,
        console: ConsoleGraph,
        knobs: GraphKnobs,
        inputs: Sequence[TrackInput],
        sample_rate: int,
        frames: int,
        folder: Path,
    ) -> None:
        self.console, self.knobs, self.inputs = console, knobs, inputs
        self.sample_rate, self.frames, self.folder = sample_rate, frames, folder
        self.effects = len(console.strip.knobs)
        names = ["mix", *console.buses]
        self.sums = {name: self._buffer(name) for name in names}

    @torch.no_grad()
    def render(
        self,
        stems: Sequence[Path] | None,
        overwrite: bool,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Process all tracks. stems: a path per track, where its output is written.

        progress: called with the share that is done, behind each track.
        """
        for row, track in enumerate(progress_bar(list(self.inputs), "mixing tracks")):
            blocks = self._sent(row, self._strip(row, track))
            self._run(blocks, stems[row] if stems else None, overwrite)
            if progress:
                progress((row + 1) / len(self.inputs))
        buses = torch.split(
            self.knobs.buses[0], [len(own) for own in self.console.layout.buses.values()]
        )
        for (name, chain), positions in zip(self.console.buses.items(), buses, strict=True):
            if self.sums[name].any():
                self._add_bus(name, cast(Console, chain), positions)

    def bus_names(self) -> list[str]:
        """Buses that received something."""
        return [name for name in self.console.buses if self.sums[name].any()]

    def write_bus(self, name: str, path: Path, overwrite: bool) -> None:
        """Write the output of a bus."""
        self._run(iter(torch.split(self.sums[name], BLOCK_SAMPLES, 1)), path, overwrite)

    def mix(self, limit: bool = False) -> Iterator[Tensor]:
        """Blocks [2, n] of the mix behind the master. limit: with its limiter."""
        blocks = torch.split(self.sums["mix"], BLOCK_SAMPLES, 1)
        master, positions = self.console.master, self.knobs.master[0]
        neutral = master.neutral.to(positions)
        if not limit and torch.allclose(positions, neutral, atol=1e-6):
            return iter(blocks)
        return master.render(blocks, self.sample_rate, positions, limit=limit)

    def _strip(self, row: int, track: TrackInput) -> Iterator[Tensor]:
        gain = gain_to_track_level(track)
        blocks = (gain * block for block in track.blocks(self.sample_rate, self.frames))
        positions = self.knobs.strips[0, row, : self.effects]
        return self.console.strip.render(blocks, self.sample_rate, positions, limit=False)

    def _sent(self, row: int, blocks: Iterator[Tensor]) -> Iterator[Tensor]:
        """Add the output of a strip to the mix and to the buses that it is sent to."""
        positions, first = self.knobs.strips[0, row, self.effects :], 0
        ratios = {
            bus: float(knob.to_physical(position))
            for (bus, knob), position in zip(self.console.sends.items(), positions, strict=True)
        }
        for block in blocks:
            place = slice(first, first + block.shape[-1])
            self.sums["mix"][:, place] += block
            for bus, ratio in ratios.items():
                if ratio > 0:
                    self.sums[bus][:, place] += ratio * block
            first = place.stop
            yield block

    def _add_bus(self, name: str, chain: Console, positions: Tensor) -> None:
        """Replace the input of a bus by its output, and add it to the mix."""
        own, first = self.sums[name], 0
        source = (block.clone() for block in torch.split(own, BLOCK_SAMPLES, 1))
        for block in chain.render(source, self.sample_rate, positions, limit=False):
            place = slice(first, first + block.shape[-1])
            self.sums["mix"][:, place] += block
            own[:, place] = block
            first = place.stop

    def _run(self, blocks: Iterator[Tensor], path: Path | None, overwrite: bool) -> None:
        if path is None:
            for _ in blocks:
                pass
            return
        with exclusive_write(path, overwrite) as draft:
            write_audio(
                draft, blocks, self.sample_rate, STEREO, self.frames, source_subtype=STEM_SUBTYPE
            )

    def _buffer(self, name: str) -> Tensor:
        """Zeros [2, frames] in a file, which the system may write out when memory is short."""
        size = STEREO * self.frames
        flat = torch.from_file(str(self.folder / f"{name}.raw"), shared=True, size=size)
        return flat.zero_().view(STEREO, self.frames)
