"""Relocate: rewrite artifact URIs after the folder of runs was moved or copied."""

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("relocate")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.relocate [paths.mlruns=FOLDER]`."""
    from ai_mixer.tracking import Store
    from ai_mixer.tracking.rewrite_artifact_uris import rewrite_artifact_uris

    store = Store(cfg.paths.mlruns)
    print(f"{rewrite_artifact_uris(store)} URIs rewritten in {store.folder}")


if __name__ == "__main__":
    main()
