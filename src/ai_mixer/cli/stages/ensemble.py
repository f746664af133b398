"""Ensemble: combine trained models into one, with member weights learned on validation songs."""

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.overrides import quote_run_list


@stage("ensemble", transform=quote_run_list)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.ensemble runs=1a2b,3c4d`."""
    from ai_mixer.cli.ensemble import ensemble

    ensemble(cfg)


if __name__ == "__main__":
    main()
