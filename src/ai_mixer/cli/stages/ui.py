"""UI: MLflow's web interface of the runs."""

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("ui")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.ui [paths.mlruns=FOLDER port=5001]`."""
    from ai_mixer.tracking import Store
    from ai_mixer.tracking.ui import serve

    serve(Store(cfg.paths.mlruns), str(cfg.host), int(cfg.port))


if __name__ == "__main__":
    main()
