"""The console: knobs on 0–1 in, a mix out, and the way back."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain, PhysicalValues
from ai_mixer.console.offline_stream import render
from ai_mixer.console.stream import ConsoleStream
from ai_mixer.effects.effect import Effect


class Console(EffectChain):
    """An ordered chain of effects, ending in a safety limiter that has no knob.

    Parameters and errors: see `EffectChain`.
    """

    def forward(
        self, audio: Tensor, sample_rate: int, knobs: Tensor, *, limit: bool = True
    ) -> Tensor:
        """The mix. audio: [B, C, T], mono or stereo; knobs: [B, P] positions. Returns [B, C, T].

        limit: False leaves the safety limiter out, for a delivery stage that brings its own.
        """
        self.check(audio, sample_rate, knobs)
        for effect, values in self._effects_with_values(audio, knobs):
            audio = effect(audio, sample_rate, **values)
        return self.limiter(audio, sample_rate) if limit else audio

    def forward_with_audibility(
        self, audio: Tensor, sample_rate: int, knobs: Tensor, query: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mix, and [B, P] bool: can each knob be heard on what reaches its effect?

        asked: [P] bool, the knobs in question (all of them); any other is said to be heard.
        """
        self.check(audio, sample_rate, knobs)
        questions = self._query_list(query)
        audible: list[Tensor] = []
        for effect, values in self._effects_with_values(audio, knobs):
            wanted = questions[len(audible) :][: len(values)]
            audible += _audibility(effect, audio, sample_rate, values, wanted)
            audio = effect(audio, sample_rate, **values)
        return self.limiter(audio, sample_rate), torch.stack(audible, dim=-1)

    def invert(self, audio: Tensor, sample_rate: int, knobs: Tensor) -> Tensor:
        """The input that these knobs turn into `audio`: every inverse, last effect first.

        Effects without an inverse, and the limiter, are passed over: exact only where their knobs
        are neutral and the limiter idles (finished music at ≤ −1 dBTP). No gradient.
        """
        *_, (_, rough) = self._inverse_steps(audio, sample_rate, knobs)
        return rough

    @torch.no_grad()
    def invert_with_audibility(
        self, audio: Tensor, sample_rate: int, knobs: Tensor, query: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`unmix`, and [B, P] bool: could each knob be heard on what reached its effect?

        What `listen` says of the unmixed audio, without mixing it again. Behind an effect that was
        passed over it holds only where that one is neutral. asked: as there.
        """
        questions = self._query_list(query)[::-1]
        audible: list[Tensor] = []
        rough = audio
        for (effect, values), rough in self._inverse_steps(audio, sample_rate, knobs):
            wanted = questions[len(audible) :][: len(values)]
            audible += _audibility(effect, rough, sample_rate, values, wanted)
        return rough, torch.stack(audible[::-1], dim=-1)

    def _query_list(self, query: Tensor | None) -> list[bool]:
        """Per knob, in wire order: does anybody want to know?"""
        return [True] * len(self.knobs) if query is None else query.tolist()

    @torch.no_grad()
    def _inverse_steps(
        self, audio: Tensor, sample_rate: int, knobs: Tensor
    ) -> Iterator[tuple[tuple[Effect, PhysicalValues], Tensor]]:
        """Every effect, the last one first, and what reached it."""
        self.check(audio, sample_rate, knobs)
        for effect, values in reversed(list(self._effects_with_values(audio, knobs))):
            if effect.invertible:
                audio = effect.invert(audio, sample_rate, **values)
            yield (effect, values), audio

    def stream(
        self, sample_rate: int, block_size: int, *, channels: int = 2, limit: bool = True
    ) -> ConsoleStream:
        """The console for audio that comes live: see `ConsoleStream`."""
        return ConsoleStream(self, sample_rate, block_size, channels=channels, limit=limit)

    def render(
        self,
        blocks: Iterable[Tensor],
        sample_rate: int,
        knobs: Tensor | Callable[[int], Tensor],
        *,
        limit: bool = True,
    ) -> Iterator[Tensor]:
        """The mix of a song of any length, block by block: see `whole_song.render`."""
        return render(self, blocks, sample_rate, knobs, limit=limit)


@torch.no_grad()
def _audibility(
    effect: Effect, audio: Tensor, sample_rate: int, values: PhysicalValues, wanted: Sequence[bool]
) -> list[Tensor]:
    """Can it be heard? [B] bool for each knob of an effect; True if nobody wants to know."""
    if not any(wanted):
        return [torch.ones(len(audio), dtype=torch.bool, device=audio.device)] * len(values)
    return [effect.audible(audio, sample_rate, **values)] * len(values)
