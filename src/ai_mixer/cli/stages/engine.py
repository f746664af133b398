"""Engine: a console as a library with a C interface, for this machine or for others."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage


@stage("engine")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.engine [targets=all] [console=…] [ranges=…]`."""
    from hydra.core.hydra_config import HydraConfig

    from ai_mixer.inference.builders import build_console
    from ai_mixer.plugin.build import ConsoleChoice, build_engine, choose_targets
    from ai_mixer.plugin.description import describe_engine

    choices: Any = HydraConfig.get().runtime.choices
    console = ConsoleChoice(choices.console, choices.ranges, describe_engine(build_console(cfg)))
    folder = Path(cfg.output_dir)
    for built in build_engine(console, choose_targets(cfg.targets), folder, folder / "cache"):
        print(built)


if __name__ == "__main__":
    main()
