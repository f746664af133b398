"""What the networks share: they look at pictures and read statistics, then set the knobs.

A network is a body: it turns pictures into features. The statistics of the excerpt go beside it, so
that a body only has to find what an analyser does not show.
"""

import torch
from torch import Tensor, nn

from ai_mixer.core.types import GENRES, Heard, Prediction
from ai_mixer.models.feature_extractor import FrontEnd
from ai_mixer.models.feature_model import Listener
from ai_mixer.models.heads import SpreadHead
from ai_mixer.models.statistics import StatisticsEncoder


class Observer(Listener):
    """A listener with a body and a head.

    seen: width of what the body gives; features: width of what the statistics are encoded to;
    genre: name the genre too; n_read: how many statistics are read, default all. A subclass writes
    `body`, or `look`, and sets `head`.
    """

    head: nn.Module

    def __init__(
        self,
        n_knobs: int,
        front_end: FrontEnd,
        seen: int,
        features: int,
        dropout: float,
        genre: bool = False,
        n_read: int | None = None,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.statistics = StatisticsEncoder(n_read or front_end.n_statistics, features, dropout)
        self.spread = SpreadHead(seen + features, n_knobs)
        self.genre: nn.Module | None = nn.Linear(seen + features, len(GENRES)) if genre else None

    @property
    def ears(self) -> tuple[int, ...]:
        """Those of the front end."""
        return self.front_end.settings

    def hear(self, rough: Tensor, reference: Tensor, condition: Tensor) -> Heard:
        """By the front end."""
        return Heard(*self.front_end(rough, reference, condition))

    def body(self, pictures: Tensor) -> Tensor:
        """[B, 6, mels, frames] → [B, seen], or [B, P, seen] with an answer for each knob."""
        raise NotImplementedError

    def look(self, heard: Heard, condition: Tensor) -> tuple[Tensor, Tensor]:
        """What the body sees, [B, …, seen], and what the statistics say, [B, features]."""
        return self.body(heard.pictures), self.statistics(heard.statistics, condition)

    def decide(self, seen: Tensor, read: Tensor, condition: Tensor) -> Tensor:
        """What the body saw and the statistics say → [B, P]; here one head hears them together, and
        is the same under all conditions [B].
        """
        return self.head(torch.cat([seen, read], dim=-1))

    def answer(self, heard: Heard, condition: Tensor) -> Prediction:
        """Knobs, spread, and the genre if it was asked for."""
        seen, read = self.look(heard, condition)
        both = torch.cat([seen if seen.dim() == 2 else seen.mean(1), read], dim=-1)
        genre = None if self.genre is None else self.genre(both)
        return Prediction(self.decide(seen, read, condition), self.spread(both.detach()), genre)
