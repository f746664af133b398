"""Train: one run, with cv=5 one run per fold, with seeds=3 one per seed."""

from functools import partial

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.compose import compose, selected_options
from ai_mixer.config.overrides import sets_key


def _with_run_overrides(overrides: list[str]) -> list[str]:
    if not sets_key(overrides, "ckpt_path"):
        return overrides
    from ai_mixer.training.resume import with_run_overrides

    return with_run_overrides(overrides)


@stage("train", transform=_with_run_overrides)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.train [name=value …]`."""
    from ai_mixer.cli.pipeline import train
    from ai_mixer.training.cross_validation import cross_validate
    from ai_mixer.training.seeds import train_seeds

    for name in ("experiment_name", "run_name"):  # Hydra reads 2024 as a number
        cfg[name] = str(cfg[name])
    overrides = list(HydraConfig.get().overrides.task)
    choices = selected_options(HydraConfig.get().runtime.choices)
    run = train if cfg.cv is None else partial(cross_validate, train)
    run = run if cfg.seeds is None else partial(train_seeds, run)
    run(cfg, compose("train"), overrides, choices)


if __name__ == "__main__":
    main()
