"""Leave out songs that a model has seen in training, wherever models are evaluated or played.

A song is recognised by the digest of its file and by its sound (`inference.seen_songs`). Songs that
a run itself held out for its test stay.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ai_mixer.core.types import Song
from ai_mixer.data.metadata_cache import MetadataCache
from ai_mixer.data.song_set import SongSet
from ai_mixer.inference.predictor import Predictor
from ai_mixer.inference.seen_songs import load_seen_songs
from ai_mixer.inference.track_predictor import TrackPredictor

SEEN_MARK = "seen in training"
SEEN_COLUMN = "seen_in_training"  # of CSV files with results on such songs
MAX_NAMED_SONGS = 12  # in a note


class HoldoutSongs(NamedTuple):
    """songs: to evaluate. seen: id of a song seen in training → names of the models.

    total: number of songs before any was left out. unknown: names of the models whose songs are
    unknown. allow_seen: the songs in `seen` were kept.
    """

    songs: list[Song]
    seen: dict[str, list[str]]
    total: int
    unknown: list[str]
    allow_seen: bool = False

    @property
    def is_marked(self) -> bool:
        """Whether songs that were seen in training are evaluated: results need `SEEN_MARK`."""
        return self.allow_seen and bool(self.seen)

    def mark(self, title: str) -> str:
        """Return a title, with `SEEN_MARK` if songs that were seen are evaluated."""
        return f"{title} ({SEEN_MARK})" if self.is_marked else title

    def notes(self, name_songs: bool = False) -> list[str]:
        """Return a line on the songs seen in training, and one on models whose songs are unknown.

        name_songs: name the songs, and the models that have seen them.
        """
        lines = []
        if self.seen:
            count = f"{len(self.seen)} of {_songs(self.total)}"
            line = f"{SEEN_MARK}: {count}, {'not ' if self.allow_seen else ''}left out"
            if name_songs:
                named = [
                    f"{song} (by {', '.join(models)})"
                    for song, models in list(self.seen.items())[:MAX_NAMED_SONGS]
                ]
                line += f": {', '.join(named)}{' …' if len(self.seen) > len(named) else ''}"
            lines.append(line)
        if self.unknown:
            lines.append(f"songs seen in training: unknown for {', '.join(self.unknown)}")
        return lines


def mark_headings(markdown: str) -> str:
    """Add `SEEN_MARK` to each heading."""
    return re.sub(r"^(#+ .*)$", rf"\1 ({SEEN_MARK})", markdown, flags=re.MULTILINE)


def filter_holdout_songs(
    songs: Sequence[Song],
    seen: Mapping[str, SongSet | None],
    cache: MetadataCache,
    *,
    held_out: Mapping[str, SongSet] | None = None,
    allow_seen: bool = False,
) -> HoldoutSongs:
    """Leave out songs that a model has seen.

    seen: name of a model → the songs it learned from; None: unknown. cache: of fingerprints.
    held_out: name of a model → songs that it held out: they stay, also if it knows a copy of them.
    allow_seen: keep all songs, and mark the results. ValueError if no song is left.
    """
    models: dict[str, list[str]] = {}
    for name, known in seen.items():
        stays = (held_out or {}).get(name, SongSet()).contains_digest(songs)
        candidates = [song for song, kept in zip(songs, stays, strict=True) if not kept]
        if known is None or not candidates:
            continue
        for song, is_seen in zip(candidates, known.contains(candidates, cache), strict=True):
            if is_seen:
                models.setdefault(song.id, []).append(name)
    left = [song for song in songs if allow_seen or song.id not in models]
    if not left:
        first, names = next(iter(models.items()))
        raise ValueError(
            f"all {_songs(len(songs))} were seen in training (for example {first}, by "
            f"{', '.join(names)}): choose others with data= or split=, or set allow_seen=true"
        )
    unknown = [name for name, known in seen.items() if known is None]
    return HoldoutSongs(left, models, len(songs), unknown, allow_seen)


def holdout_songs(
    songs: Sequence[Song],
    predictors: Mapping[str, Predictor | TrackPredictor],
    cache: MetadataCache,
    *,
    own_test: str | None = None,
    allow_seen: bool = False,
) -> HoldoutSongs:
    """Leave out songs that any of the predictors has seen, as `filter_holdout_songs` does.

    own_test: name of the predictor whose own test split the songs are; the songs that it held out
    stay.
    """
    seen = {name: load_seen_songs(model.folder, cache) for name, model in predictors.items()}
    own = seen.get(own_test or "")
    return filter_holdout_songs(
        songs,
        {name: known and known.learned_from for name, known in seen.items()},
        cache,
        held_out={} if own is None else {str(own_test): own.test},
        allow_seen=allow_seen,
    )


def _songs(count: int) -> str:
    return f"{count} song{'' if count == 1 else 's'}"
