"""Features: a table with one row per song, cached by the content of the files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.utils.disk_errors import reraise_disk_full

if TYPE_CHECKING:
    from ai_mixer.core.types import Song


def check_table_path(out: Path, songs: Sequence["Song"], manifest: Path | None) -> None:
    """Check that the table replaces no input. ValueError or OSError (one line) if it would."""
    from ai_mixer.mixing.paths import check_outputs

    if out.suffix.lower() != ".csv":
        raise ValueError(f"out={out}: must end in .csv")
    check_outputs([out], [*(song.path for song in songs), *([manifest] if manifest else [])])


@stage("features")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.features [data=NAME features=NAME seconds=30]`."""
    from ai_mixer.data.feature_table import feature_table
    from ai_mixer.data.metadata_cache import MetadataCache
    from ai_mixer.data.skipped_songs import warn_skipped
    from ai_mixer.training.builders import build_source

    index = MetadataCache(Path(cfg.paths.data) / "index")
    source, out = build_source(cfg), Path(cfg.out)
    songs = source.songs()
    check_table_path(out, songs, getattr(source, "manifest", None))
    table, skipped = feature_table(
        songs, cfg.features.families, cfg.seconds, cfg.sample_rate, index
    )
    warn_skipped(skipped)
    with reraise_disk_full(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(out, index=False)
    print(table.describe().T[["mean", "std", "min", "max"]].round(3).to_string())
    print(f"{len(table)} songs: {out}")


if __name__ == "__main__":
    main()
