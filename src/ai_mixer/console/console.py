"""The mixing console: render a mix from knobs on 0–1, and invert it."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from ai_mixer.console.effect_chain import EffectChain, PhysicalValues
from ai_mixer.console.fused_effects import apply_effects
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
        """Render the mix.

        audio: [B, C, T], mono or stereo. knobs: [B, P] positions 0–1. Both may be NumPy arrays.
        limit: False omits the safety limiter, for a delivery with its own limiter. Returns
        [B, C, T]. Differentiable any number of times; derivatives in forward mode are refused in
        one line. ValueError for arguments as in `check` and `check_knobs`, which says where
        positions are checked.
        """
        audio, knobs = self.check(audio, sample_rate, knobs)
        audio = apply_effects(audio, sample_rate, self._effects_with_values(audio, knobs))
        return self._limited(audio, sample_rate) if limit else audio

    def forward_with_audibility(
        self, audio: Tensor, sample_rate: int, knobs: Tensor, query: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Render the mix and determine which knobs are audible on the input of their effect.

        query: [P] bool, knobs to test (default: all); the others count as audible. Returns
        [B, C, T] and audibility [B, P] bool.
        """
        audio, knobs = self.check(audio, sample_rate, knobs)
        queried = self._query_list(query)
        audible: list[Tensor] = []
        for effect, values in self._effects_with_values(audio, knobs):
            tested = queried[len(audible) :][: len(values)]
            audible += _audibility(effect, audio, sample_rate, values, tested)
            audio = effect(audio, sample_rate, **values).to(audio.dtype)
        return self._limited(audio, sample_rate), torch.stack(audible, dim=-1)

    def invert(self, audio: Tensor, sample_rate: int, knobs: Tensor) -> Tensor:
        """Compute the input from which these knobs give `audio`: all inverses, last effect first.

        Effects without an inverse and the limiter are skipped: the result is exact only if their
        knobs are neutral and the limiter is inactive (finished music at ≤ −1 dBTP). No gradient.
        """
        *_, (_, rough) = self._inverse_steps(audio, sample_rate, knobs)
        return rough

    unmix = invert

    @torch.no_grad()
    def invert_with_audibility(
        self, audio: Tensor, sample_rate: int, knobs: Tensor, query: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Invert the console and determine which knobs are audible on the input of their effect.

        Returns the result of `invert` and its audibility as `forward_with_audibility` would give
        it, without another rendering. Behind a skipped effect the audibility is correct only if
        that effect is neutral. query: as for `forward_with_audibility`.
        """
        queried = self._query_list(query)[::-1]
        audible: list[Tensor] = []
        rough = audio
        for (effect, values), rough in self._inverse_steps(audio, sample_rate, knobs):
            tested = queried[len(audible) :][: len(values)]
            audible += _audibility(effect, rough, sample_rate, values, tested)[::-1]
        return rough, torch.stack(audible[::-1], dim=-1)

    def _limited(self, audio: Tensor, sample_rate: int) -> Tensor:
        return audio if self.limiter is None else self.limiter(audio, sample_rate)

    def _query_list(self, query: Tensor | None) -> list[bool]:
        """Per knob: whether its audibility is tested."""
        return [True] * len(self.knobs) if query is None else query.tolist()

    @torch.no_grad()
    def _inverse_steps(
        self, audio: Tensor, sample_rate: int, knobs: Tensor
    ) -> Iterator[tuple[tuple[Effect, PhysicalValues], Tensor]]:
        """Iterate over all effects, last one first, each with its input."""
        audio, knobs = self.check(audio, sample_rate, knobs)
        for effect, values in reversed(list(self._effects_with_values(audio, knobs))):
            if effect.invertible:
                audio = effect.invert(audio, sample_rate, **values).to(audio.dtype)
            yield (effect, values), audio

    def stream(
        self, sample_rate: int, block_size: int, *, channels: int = 2, limit: bool = True
    ) -> ConsoleStream:
        """Create a stream for live audio, see `ConsoleStream`."""
        return ConsoleStream(self, sample_rate, block_size, channels=channels, limit=limit)

    def render(
        self,
        blocks: Iterable[Tensor],
        sample_rate: int,
        knobs: Tensor | Callable[[int], Tensor],
        *,
        limit: bool = True,
    ) -> Iterator[Tensor]:
        """Render a song of any length block by block, see `offline_stream.render`."""
        return render(self, blocks, sample_rate, knobs, limit=limit)


@torch.no_grad()
def _audibility(
    effect: Effect, audio: Tensor, sample_rate: int, values: PhysicalValues, tested: Sequence[bool]
) -> list[Tensor]:
    """Audibility, [B] bool, for each knob of an effect; True without a test."""
    if not any(tested):
        return [torch.ones(len(audio), dtype=torch.bool, device=audio.device)] * len(values)
    audible = effect.audible_knobs(audio, sample_rate, **values)
    return [audible[name] for name in values]
