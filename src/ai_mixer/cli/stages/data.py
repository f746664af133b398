"""A collection: fetched where that needs no form, checked, indexed, and described in a table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.override_errors import check_overrides
from ai_mixer.core.types import SkippedSong, Song
from ai_mixer.data.download import fetch, unpack
from ai_mixer.data.splits import SPLITS
from ai_mixer.training.builders import build_source

MAX_LISTED = 3  # songs named per reason


def download(cfg: DictConfig) -> None:
    """Fetch and unpack the archives that the page of the collection lists."""
    archives = cfg.data.get("archives")
    if not archives:
        page = f"configs/data/{cfg.data.name}.yaml"
        raise ValueError(f"data={cfg.data.name} cannot be fetched from here; how to get it: {page}")
    root = Path(cfg.data.root)
    for archive in archives:
        unpack(fetch(archive.url, archive.checksum, root), root)


def describe(songs: Sequence[Song], skipped: Sequence[SkippedSong]) -> str:
    """Songs, hours and groups (mostly artists) of each split, genres, and what is left out."""
    lines = [_splits(songs).to_string(), "", _genres(songs)]
    crossing = groups_in_several_splits(songs)
    if crossing:
        named = ", ".join(crossing[:MAX_LISTED]) + (", …" if len(crossing) > MAX_LISTED else "")
        lines.append(f"on two sides of the split: {len(crossing)} groups ({named})")
    return "\n".join([*lines, *_left_out(skipped)])


def groups_in_several_splits(songs: Iterable[Song]) -> list[str]:
    """Artists (or other groups) with songs in more than one split."""
    sides: dict[str, set[str]] = {}
    for song in songs:
        sides.setdefault(song.group, set()).add(song.split)
    return sorted(group for group, splits in sides.items() if len(splits) > 1)


def _splits(songs: Sequence[Song]) -> pd.DataFrame:
    rows = {
        side: {
            "songs": len(chosen),
            "hours": f"{sum(song.duration_s for song in chosen) / 3600:.2f}",
            "groups": len({song.group for song in chosen}),
        }
        for side, chosen in (
            *((split, [song for song in songs if song.split == split]) for split in SPLITS),
            ("all", songs),
        )
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _genres(songs: Sequence[Song]) -> str:
    counts = Counter(song.genre or "unknown" for song in songs).most_common()
    return "genres: " + ", ".join(f"{genre} {count}" for genre, count in counts)


def _left_out(skipped: Sequence[SkippedSong]) -> list[str]:
    """A line per reason, the most frequent first."""
    files: dict[str, list[str]] = {}
    for song in skipped:
        files.setdefault(song.reason, []).append(song.file)
    return [
        f"skipped: {len(names)} {reason}: {', '.join(names[:MAX_LISTED])}"
        + (", …" if len(names) > MAX_LISTED else "")
        for reason, names in sorted(files.items(), key=lambda item: -len(item[1]))
    ]


def with_name_alias(words: list[str]) -> list[str]:
    """`name=gtzan` chooses the page as `data=gtzan` does, and is checked like it."""
    chosen = [f"data={word[5:]}" if word.startswith("name=") else word for word in words]
    check_overrides(chosen)
    return chosen


@stage("data", transform=with_name_alias)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.data name=NAME [download=1] [data.root=FOLDER]`."""
    if cfg.download:
        download(cfg)
    source = build_source(cfg)
    songs = source.songs()
    print(describe(songs, getattr(source, "skipped", ())))


if __name__ == "__main__":
    main()
