"""Features: a table with one row per song, cached by the content of the files."""

from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.utils.disk_errors import reraise_disk_full


@stage("features")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.features [data=NAME features=NAME seconds=30]`."""
    from ai_mixer.data.feature_table import feature_table
    from ai_mixer.data.metadata_cache import MetadataCache
    from ai_mixer.data.skipped_songs import warn_skipped
    from ai_mixer.training.builders import build_source

    index = MetadataCache(Path(cfg.paths.data) / "index")
    songs = build_source(cfg).songs()
    table, skipped = feature_table(
        songs, cfg.features.families, cfg.seconds, cfg.sample_rate, index
    )
    warn_skipped(skipped)
    out = Path(cfg.out)
    with reraise_disk_full(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(out, index=False)
    print(table.describe().T[["mean", "std", "min", "max"]].round(3).to_string())
    print(f"{len(table)} songs: {out}")


if __name__ == "__main__":
    main()
