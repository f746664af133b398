"""A console of several tracks for live audio: blocks of tracks in, a stereo mix out."""

import numpy as np
import torch
from torch import Tensor

from ai_mixer.console.console import Console
from ai_mixer.console.effect_chain import check_audio
from ai_mixer.console.engine_description import describe_chain, describe_limiter, has_formulas
from ai_mixer.console.graph_knobs import GraphKnobs
from ai_mixer.console.graph_parts import GraphParts
from ai_mixer.console.knob_encoding import encode_knobs
from ai_mixer.console.live_chain import LATENCY, ChainDescription, chain_size, init_chain
from ai_mixer.console.process import NO_PATH, engine_size, init_engine
from ai_mixer.console.process_graph import (
    BUSES,
    CHANNELS,
    EFFECT_KNOBS,
    FLUSHED,
    HEADER_SIZE,
    SENDS,
    STRIP_LATENCY,
    TRACKS,
    graph_latency,
    graph_part,
    process_graph,
)
from ai_mixer.console.track_rows import TrackRows
from ai_mixer.core.track import MAX_TRACKS, ROLES
from ai_mixer.dsp.formulas import Formula
from ai_mixer.dsp.recursions import Array
from ai_mixer.dsp.streaming_chain import KernelKind, StreamingKernel, encode_steps


class GraphStream:
    """A graph with its state, for one song or one live input: `mix = stream(tracks, knobs)`.

    tracks: [N, C, n] float32 or float64 with n from 0 to `block_size`, mono or stereo, N as given
    to the constructor. knobs: `GraphKnobs` of one song; None keeps the previous ones. Returns
    [2, n] without gradients, delayed by `latency_samples`. roles: [N], index into `ROLES` or −1.

    Knobs, smoothing, invalid samples and threads: as for `ConsoleStream`. The output differs from
    the offline mix by −90 dB or less for any division into blocks. ValueError for a shape that does
    not fit, for an effect without a live form, and for a bus that delays its input.
    """

    def __init__(
        self,
        graph: GraphParts,
        sample_rate: int,
        block_size: int,
        tracks: int,
        *,
        roles: Tensor | None = None,
        limit: bool = True,
    ) -> None:
        if block_size < 1:
            raise ValueError(f"block_size must be 1 or more, got {block_size}")
        if not 1 <= tracks <= MAX_TRACKS:
            raise ValueError(f"tracks must be 1–{MAX_TRACKS}, got {tracks}")
        check_audio(torch.zeros(1, CHANNELS, 1), sample_rate)
        for name, chain in graph.chains().items():
            _check_live_form(name, chain)
        self.graph, self.sample_rate, self.block_size = graph, sample_rate, block_size
        self.tracks, self._limit = tracks, limit and graph.master.limiter is not None
        self._roles = [-1] * tracks if roles is None else torch.as_tensor(roles).tolist()
        if len(self._roles) != tracks:
            raise ValueError(f"roles must be [N] = [{tracks}], got [{len(self._roles)}]")
        self._rows = TrackRows(1, tracks, None)
        self._started = False
        self._reset(torch.float32)

    @property
    def latency_samples(self) -> int:
        """Delay of the output in samples."""
        return int(graph_latency(self._memory))

    @torch.no_grad()
    def __call__(self, tracks: Tensor, knobs: GraphKnobs | None = None) -> Tensor:
        """Process the next block."""
        tracks = torch.as_tensor(tracks)
        self._check(tracks)
        if knobs is not None:
            self._set_knobs(knobs)
        out = torch.empty(CHANNELS, tracks.shape[2], dtype=self._dtype)
        if tracks.shape[2]:
            self._started = True
            audio = tracks.detach().to("cpu", self._dtype).expand(-1, CHANNELS, -1).contiguous()
            self._process(audio.numpy(), out)
        return out.to(tracks)

    @torch.no_grad()
    def finish(self) -> Tensor:
        """Return the last `latency_samples` of a song after its last block: [2, latency_samples].

        Tails of reverb and delay end with the song, as offline.
        """
        parts, left = [torch.empty(CHANNELS, 0, dtype=self._dtype)], self.latency_samples
        nothing = np.empty((self.tracks, CHANNELS, 0), parts[0].numpy().dtype)
        while left > 0:
            delayed = int(self._memory[STRIP_LATENCY] - self._memory[FLUSHED])
            size = min(self.block_size, delayed or left)
            part = torch.empty(CHANNELS, size, dtype=self._dtype)
            self._process(nothing, part, is_end=True)
            parts.append(part)
            left -= size
        return torch.cat(parts, dim=-1)

    def _process(self, audio: Array, out: Tensor, *, is_end: bool = False) -> None:
        process_graph(audio, out.numpy(), self._target, NO_PATH, self._memory, is_end)

    def _check(self, tracks: Tensor) -> None:
        shape = list(tracks.shape)
        fits = tracks.dim() == 3 and shape[0] == self.tracks and shape[1] in {1, CHANNELS}
        if not fits or shape[2] > self.block_size:
            raise ValueError(
                f"tracks must be [{self.tracks}, 1 or 2, n] with n ≤ {self.block_size}, got {shape}"
            )
        if tracks.dtype not in {torch.float32, torch.float64}:
            raise ValueError(f"tracks must be float32 or float64, got {tracks.dtype}")
        if tracks.dtype != self._dtype and not self._started:
            self._reset(tracks.dtype, self._target)

    def _set_knobs(self, knobs: GraphKnobs) -> None:
        parts = (torch.as_tensor(part).detach().cpu().double() for part in knobs)
        strips, buses, master = parts
        strips = strips if strips.dim() == 3 else strips[None]
        buses, master = (part if part.dim() == 2 else part[None] for part in (buses, master))
        given = self.graph.check_knobs(GraphKnobs(strips, buses, master), self._rows)
        self._target = given.flat()[0].clamp(0, 1).numpy()

    def _reset(self, dtype: torch.dtype, target: Array | None = None) -> None:
        """Reset the state for blocks of a type; compile the functions for it."""
        self._dtype = dtype
        neutral = self.graph.neutral(self.tracks).flat()[0].double().numpy()
        self._target = neutral if target is None else target
        like = torch.empty(CHANNELS, 0, dtype=dtype).numpy()
        self._memory = self._new_memory(like)
        silence = np.zeros((self.tracks, CHANNELS, 0), like.dtype)
        self._process(silence, torch.empty(CHANNELS, 0, dtype=dtype))  # compiles it
        self._memory = self._new_memory(like)

    def _new_memory(self, like: Array) -> Array:
        """The memory of `process_graph` in its initial state."""
        graph, rate, block = self.graph, self.sample_rate, self.block_size
        _, *buses, _ = graph.chains().values()
        chains = [
            *[describe_chain(graph.strip, rate, CHANNELS)] * self.tracks,
            self._describe_gains(),
            *(describe_chain(bus, rate, CHANNELS) for bus in buses),
        ]
        master, limiter = (
            describe_chain(graph.master, rate, CHANNELS),
            describe_limiter(graph.master.limiter),
        )
        sizes = [
            *(chain_size(chain, rate, block, CHANNELS) for chain in chains),
            engine_size(master, limiter, float(rate), block, CHANNELS),
            (self.tracks + 1 + len(buses)) * CHANNELS * block,
            self.tracks * len(graph.sends),
        ]
        first = HEADER_SIZE + len(sizes) + 1
        offsets = first + np.concatenate([[0], np.cumsum(sizes)])
        memory = np.zeros(int(offsets[-1]))
        memory[HEADER_SIZE:first] = offsets
        memory[[TRACKS, BUSES, EFFECT_KNOBS, SENDS]] = (
            self.tracks, len(buses), len(graph.strip.knobs), len(graph.sends),
        )  # fmt: skip
        for number, chain in enumerate(chains):
            init_chain(graph_part(memory, number), chain, rate, block, CHANNELS)
        engine = graph_part(memory, len(chains))
        init_engine(engine, master, limiter, self._limit, float(rate), block, CHANNELS, like)
        memory[STRIP_LATENCY] = graph_part(memory, 0)[LATENCY]
        for number, name in enumerate(graph.buses, self.tracks + 1):
            if graph_part(memory, number)[LATENCY]:
                raise ValueError(
                    f"bus {name} delays its input: such an effect has its place elsewhere"
                )
        return memory

    def _describe_gains(self) -> ChainDescription:
        """Gains of each track in the mix and at each bus, as steps of a chain."""
        graph, kernels, columns = self.graph, list[StreamingKernel](), list[dict[str, int]]()
        sends = list(graph.sends)
        for track, role in enumerate(self._roles):
            group = graph.groups.get(ROLES[role]) if role >= 0 else None
            for bus in (None, *graph.buses):
                gain: str | float = float(bus == group)
                if bus in sends and bus != group:
                    gain = "gain"
                kernels.append(StreamingKernel(KernelKind.MIX, Formula.GAIN, (gain,)))
                columns.append(
                    {"gain": track * len(sends) + sends.index(bus)} if gain == "gain" else {}
                )
        knobs = encode_knobs([knob for _ in range(self.tracks) for knob in graph.sends.values()])
        none = np.zeros(len(kernels), np.int64)
        return ChainDescription(
            knobs, encode_steps(kernels, columns), none, np.empty(0, np.float32)
        )


def _check_live_form(name: str, chain: Console) -> None:
    for effect_name, effect in chain.effects.items():
        part, _ = chain.select([other == effect_name for other in chain.effects])
        if not effect.streamable or not has_formulas(part):
            kind = type(effect).__name__
            raise ValueError(
                f"effect {effect_name} of {name} ({kind}) has no live form with a formula: "
                "a graph with it renders files only"
            )
