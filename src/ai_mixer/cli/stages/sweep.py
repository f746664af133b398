"""Sweep: hyperparameter search; one run with a child run per trial."""

from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ai_mixer.cli.stage import stage
from ai_mixer.config.overrides import sets_key, with_search_overrides

if TYPE_CHECKING:
    from ai_mixer.tracking import Run


def evaluate_trial(run: "Run") -> None:
    """Write tables and listening samples of a trial's run, unless they exist."""
    from ai_mixer.cli.pipeline import evaluate_and_render
    from ai_mixer.tracking.overrides import stored_overrides

    folder = run.artifact_dir
    if (folder / "listening" / "index.html").is_file():
        return
    cfg = OmegaConf.load(folder / "config.yaml")
    assert isinstance(cfg, DictConfig)
    evaluate_and_render(cfg, run, stored_overrides(folder), run.last_step)


def check_default_training(cfg: DictConfig) -> None:
    """Raise if the default training cannot start; synthesises the band if it is used."""
    from ai_mixer.data.splits import SPLITS
    from ai_mixer.training.builders import build_components
    from ai_mixer.training.preflight import check_batches, check_later_steps, check_monitors

    check_later_steps(cfg)
    parts = build_components(cfg)
    for split in SPLITS:
        parts.data.songs(split)
    check_monitors(cfg, parts)
    check_batches(parts)


def _with_study_overrides(overrides: list[str]) -> list[str]:
    if not sets_key(overrides, "resume", "attach_to"):
        return with_search_overrides(overrides)
    from ai_mixer.tuning.resume import with_study_overrides

    return with_study_overrides(overrides)


@stage("sweep", transform=_with_study_overrides)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.sweep [name=value …]`."""
    from ai_mixer.cli.pipeline import train
    from ai_mixer.tuning.runner import run_study

    cfg.experiment_name = str(cfg.experiment_name)  # Hydra reads 2024 as a number
    run_study(
        cfg, list(HydraConfig.get().overrides.task), train, evaluate_trial, check_default_training
    )


if __name__ == "__main__":
    main()
