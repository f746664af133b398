"""Other recordings in place of the stems of a song: the takes that augmentations ask for."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ai_mixer.audio.errors import SongError
from ai_mixer.audio.excerpt import read_excerpt
from ai_mixer.core.stem_excerpt import TakeDraw
from ai_mixer.core.track import Track
from ai_mixer.core.types import Song
from ai_mixer.data.excerpt_sampler import second_excerpt_start


class TakePool:
    """The songs of one split, by the roles of their tracks."""

    def __init__(self, songs: Sequence[Song]) -> None:
        self._songs: dict[str, list[Song]] = {}
        self._positions: dict[tuple[str, str], int] = {}
        for song in songs:
            for role in dict.fromkeys(track.role for track in song.tracks if track.role):
                known = self._songs.setdefault(role, [])
                self._positions[role, song.id] = len(known)
                known.append(song)

    def choose(self, song: Song, role: str, rng: np.random.Generator) -> tuple[Song, Track] | None:
        """Another song that has the role, uniformly, and a track of it; None if there is none."""
        songs, own = self._songs.get(role, []), self._positions.get((role, song.id))
        others = len(songs) - (own is not None)
        if not others:
            return None
        number = int(rng.integers(others))
        other = songs[number + (own is not None and number >= own)]
        tracks = [track for track in other.tracks if track.role == role]
        return other, tracks[int(rng.integers(len(tracks)))]


class TakeReader:
    """Reads takes in place of the tracks of one song, for examples of `length_s` seconds."""

    def __init__(
        self,
        song: Song,
        tracks: Sequence[Track],
        pool: TakePool | None,
        length_s: float,
        sample_rate: int,
    ) -> None:
        self.song, self.tracks, self.pool = song, tracks, pool
        self.length_s, self.sample_rate = length_s, sample_rate

    def read(self, second: bool, number: int, draw: TakeDraw) -> Tensor | None:
        """A take for track `number`, [2, T]; None without one, or if its file is damaged.

        second: of the second excerpt of the example, which does not overlap the first if the song
        is long enough.
        """
        rng = np.random.default_rng(draw.seed)
        track, found = self.tracks[number], None
        if draw.same_track:
            found = self.song, track
        elif self.pool is not None and track.role:
            found = self.pool.choose(self.song, track.role, rng)
        if found is None:
            return None
        song, take = found
        start_s = rng.uniform(0.0, max(0.0, song.duration_s - self.length_s))
        if second:
            start_s = second_excerpt_start(start_s, song.duration_s, self.length_s, rng)
        try:
            return read_excerpt(take.path, start_s, self.length_s, self.sample_rate)
        except SongError:  # named when it is that song's turn
            return None
