"""Loss scales: the value of each loss term with all knobs neutral, as a config file."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ai_mixer.cli.stage import stage
from ai_mixer.config.folder import config_folder
from ai_mixer.config.stage_command import stage_command


@stage("train")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.loss_scales …`: write `<console>_<data>_<ranges>.yaml`."""
    from ai_mixer.training.builders import build_components
    from ai_mixer.training.loss_scales import measure_loss_scales

    choices = HydraConfig.get().runtime.choices
    name = "_".join(choices[group] for group in ("console", "data", "ranges"))
    scales = measure_loss_scales(build_components(cfg), examples=200)
    file = Path(config_folder()) / "loss" / "scale" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    command = stage_command("loss-scales", HydraConfig.get().overrides.task)
    header = f"# Median of each loss term for neutral knobs. {command}"
    file.write_text(f"{header}\n{OmegaConf.to_yaml(OmegaConf.create(scales))}", encoding="utf-8")
    print(f"{file}\n{file.read_text(encoding='utf-8')}", end="")


if __name__ == "__main__":
    main()
