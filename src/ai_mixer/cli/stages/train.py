"""Stage train: one run, or with cv=5 one run per fold."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ai_mixer.cli.pipeline import train
from ai_mixer.cli.stage import stage
from ai_mixer.config.compose import compose
from ai_mixer.training.cross_validation import cross_validate
from ai_mixer.training.resume import with_run_overrides


@stage("train", transform=with_run_overrides)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.train [name=value …]`."""
    for name in ("experiment_name", "run_name"):  # Hydra reads 2024 as a number
        cfg[name] = str(cfg[name])
    words, chosen = HydraConfig.get().overrides.task, HydraConfig.get().runtime.choices
    choices = {k: str(v) for k, v in chosen.items() if not k.startswith("hydra/")}
    asked = (cfg, compose("train"), list(words), choices)
    if cfg.cv is None:
        train(*asked)
    else:
        cross_validate(train, *asked)


if __name__ == "__main__":
    main()
