"""Data: download, check and index a collection, and describe it in a table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.override_errors import check_overrides

if TYPE_CHECKING:
    import pandas as pd

    from ai_mixer.core.types import SkippedSong, Song

MAX_LISTED = 3  # songs named per reason


def download(cfg: DictConfig) -> None:
    """Download and unpack the archives listed in the config of the collection."""
    from ai_mixer.data.download import fetch, unpack

    archives = cfg.data.get("archives")
    if not archives:
        file = f"configs/data/{cfg.data.name}.yaml"
        raise ValueError(
            f"data={cfg.data.name} cannot be downloaded automatically; instructions: {file}"
        )
    root = Path(cfg.data.root)
    for archive in archives:
        unpack(fetch(archive.url, archive.checksum, root), root)


def describe(
    songs: Sequence["Song"], skipped: Sequence["SkippedSong"], other_files: Mapping[str, int] = {}
) -> str:
    """Songs, hours and groups (mostly artists) of each split; genres; what is not read.

    other_files: suffix → number of pictures, texts … next to the songs.
    """
    lines = [_splits(songs).to_string(), "", _genres(songs)]
    crossing = groups_in_several_splits(songs)
    if crossing:
        named = ", ".join(crossing[:MAX_LISTED]) + (", …" if len(crossing) > MAX_LISTED else "")
        lines.append(f"in several splits: {len(crossing)} groups ({named})")
    lines += _skipped(skipped)
    if other_files:
        counts = sorted(other_files.items(), key=lambda item: (-item[1], item[0]))
        lines.append("other files: " + ", ".join(f"{count} {kind}" for kind, count in counts))
    return "\n".join(lines)


def groups_in_several_splits(songs: Iterable["Song"]) -> list[str]:
    """Artists (or other groups) with songs in more than one split."""
    splits_by_group: dict[str, set[str]] = {}
    for song in songs:
        splits_by_group.setdefault(song.group, set()).add(song.split)
    return sorted(group for group, splits in splits_by_group.items() if len(splits) > 1)


def _splits(songs: Sequence["Song"]) -> "pd.DataFrame":
    import pandas as pd

    from ai_mixer.data.splits import SPLITS

    rows = {
        name: {
            "songs": len(selected),
            "hours": f"{sum(song.duration_s for song in selected) / 3600:.2f}",
            "groups": len({song.group for song in selected}),
        }
        for name, selected in (
            *((split, [song for song in songs if song.split == split]) for split in SPLITS),
            ("all", songs),
        )
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _genres(songs: Sequence["Song"]) -> str:
    counts = Counter(song.genre or "unknown" for song in songs).most_common()
    return "genres: " + ", ".join(f"{genre} {count}" for genre, count in counts)


def _skipped(skipped: Sequence["SkippedSong"]) -> list[str]:
    """One line per reason, the most frequent first."""
    files: dict[str, list[str]] = {}
    for song in skipped:
        files.setdefault(song.reason, []).append(song.file)
    return [
        f"skipped: {len(names)} {reason}: {', '.join(names[:MAX_LISTED])}"
        + (", …" if len(names) > MAX_LISTED else "")
        for reason, names in sorted(files.items(), key=lambda item: -len(item[1]))
    ]


def with_name_alias(overrides: list[str]) -> list[str]:
    """Replace `name=gtzan` by `data=gtzan`, and check the overrides."""
    replaced = [f"data={text[5:]}" if text.startswith("name=") else text for text in overrides]
    check_overrides(replaced)
    return replaced


@stage("data", transform=with_name_alias)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.data name=NAME [download=1] [data.root=FOLDER]`."""
    from ai_mixer.training.builders import build_source

    if cfg.download:
        download(cfg)
    source = build_source(cfg)
    songs = source.songs()
    print(describe(songs, getattr(source, "skipped", ()), getattr(source, "other_files", {})))


if __name__ == "__main__":
    main()
