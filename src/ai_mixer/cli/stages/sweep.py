"""Sweep: many trainings with values that a sampler proposes; one run with a child per trial."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ai_mixer.cli.pipeline import judge, train
from ai_mixer.cli.stage import stage
from ai_mixer.data.splits import SPLITS
from ai_mixer.tracking import Run
from ai_mixer.tracking.overrides import stored_overrides
from ai_mixer.training.builders import assemble
from ai_mixer.training.preflight import check_monitors, check_what_follows
from ai_mixer.tuning.resume import with_own_words
from ai_mixer.tuning.runner import sweep


def judge_trial(run: Run) -> None:
    """Tables and listening samples for a trial's run, unless it has them."""
    folder = run.artifact_dir
    if (folder / "listening" / "index.html").is_file():
        return
    cfg = OmegaConf.load(folder / "config.yaml")
    assert isinstance(cfg, DictConfig)
    judge(cfg, run, stored_overrides(folder), run.last_step)


def check(cfg: DictConfig) -> None:
    """What is wrong with the default training is said before a study begins; composes the band."""
    check_what_follows(cfg)
    parts = assemble(cfg)
    for split in SPLITS:
        parts.data.songs(split)
    check_monitors(cfg, parts)


@stage("sweep", meant=with_own_words)
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.sweep [name=value …]`."""
    cfg.experiment_name = str(cfg.experiment_name)  # Hydra reads 2024 as a number
    sweep(cfg, list(HydraConfig.get().overrides.task), train, judge_trial, check)


if __name__ == "__main__":
    main()
