"""Map-style dataset of training examples of several tracks."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.core.stem_excerpt import StemExcerpt
from ai_mixer.core.track import Track
from ai_mixer.core.types import CONDITIONS, Song
from ai_mixer.data.dataset import SongDataset, genre_index
from ai_mixer.data.excerpt_sampler import (
    MAX_QUIET_DRAWS,
    MAX_SILENT_DRAWS,
    QUIET_RMS,
    SILENT_RMS,
    second_excerpt_start,
)
from ai_mixer.data.track_takes import TakePool, TakeReader


class TrackDataset(SongDataset):
    """Examples of songs with tracks: as `SongDataset`, each with all tracks of one excerpt.

    max_tracks: of a song with more, so many are drawn for each example. drop_probability: of each
    track to be left out of an example, never all but one. takes: songs whose tracks may replace
    those of a song. An augmentation changes the stems (`augment.track_augment`).
    """

    def __init__(
        self,
        *arguments: Any,
        max_tracks: int = 16,
        drop_probability: float = 0.0,
        takes: TakePool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.max_tracks, self.drop_probability = max_tracks, drop_probability
        self.takes = takes

    def _example(self, song: Song, epoch: int, index: int) -> Any:
        sequence = np.random.SeedSequence([self.seed, self.rng_stream, epoch, index])
        excerpt_rng, task_rng, track_rng, augment_rng = map(
            np.random.default_rng, sequence.spawn(4)
        )
        tracks = self._chosen_tracks(song, track_rng)
        length_s = self.excerpt_s or song.duration_s
        start_s, stems = self._random_excerpt(song, tracks, length_s, excerpt_rng)
        other_s = second_excerpt_start(start_s, song.duration_s, length_s, excerpt_rng)
        roles = torch.tensor([track.role_index for track in tracks])

        def read_other() -> Tensor:
            return self._read(tracks, other_s, length_s)

        if self.augment is not None:
            reader = TakeReader(song, tracks, self.takes, length_s, self.sample_rate)
            stems, roles, read_other = self._augmented(
                stems, roles, read_other, reader, augment_rng
            )
        cycled = CONDITIONS[index % len(CONDITIONS)] if self.cycle_conditions else None
        make: Callable[..., Any] = self.task  # `tasks.remix.Remix`
        example = make(
            stems,
            roles,
            read_other,
            sample_rate=self.sample_rate,
            rng=task_rng,
            condition=cycled if self.task.condition == "any" else None,
        )
        example.genre, example.song_id = genre_index(song.genre), song.id
        return example

    def _augmented(
        self,
        stems: Tensor,
        roles: Tensor,
        read_other: Callable[[], Tensor],
        reader: TakeReader,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor, Callable[[], Tensor]]:
        """Changed stems and roles, and a function that reads the second excerpt, changed alike."""
        augment: Any = self.augment  # `augment.track_augment.ComposeTracks`

        def excerpt(audio: Tensor, second: bool) -> StemExcerpt:
            read_take = partial(reader.read, second)
            return StemExcerpt(audio, roles, self.sample_rate, self.max_tracks, read_take)

        changed, params = augment.prepare_first(excerpt(stems, False), augment.draw(rng))

        def changed_other() -> Tensor:
            other: Tensor = augment.prepare(excerpt(read_other(), True), params).stems
            return other

        return changed.stems, changed.roles, changed_other

    def _chosen_tracks(self, song: Song, rng: np.random.Generator) -> list[Track]:
        """The tracks of an example, in the order of the song."""
        order = rng.permutation(len(song.tracks))
        kept = [n for n in order if rng.random() >= self.drop_probability]
        kept = kept if len(kept) > 1 else list(order[:2])
        return [song.tracks[n] for n in sorted(kept[: self.max_tracks])]

    def _random_excerpt(
        self, song: Song, tracks: Sequence[Track], length_s: float, rng: np.random.Generator
    ) -> tuple[float, Tensor]:
        """Start in seconds and stems [N, 2, T] of an excerpt that is not silent."""
        for draw in range(1, MAX_SILENT_DRAWS + 1):
            start_s = rng.uniform(0.0, max(0.0, song.duration_s - length_s))
            stems = self._read(tracks, start_s, length_s)
            power = stems.sum(0).square().mean()
            if power >= QUIET_RMS**2 or (draw >= MAX_QUIET_DRAWS and power >= SILENT_RMS**2):
                return start_s, stems
        raise SongError(tracks[0].path, f"silent in each of {MAX_SILENT_DRAWS} excerpts")

    def _read(self, tracks: Sequence[Track], start_s: float, length_s: float) -> Tensor:
        """The same excerpt of every track, [N, 2, T]; silence after the end of a file."""
        excerpts = [
            read_excerpt(track.path, start_s, length_s, self.sample_rate) for track in tracks
        ]
        return torch.stack(excerpts)
