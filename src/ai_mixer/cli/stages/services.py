"""Services: start or stop PostgreSQL, for sweeps on several machines."""

from pathlib import Path

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import stage_command


@stage("services")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.services [stop=true]`."""
    from ai_mixer.tuning.postgresql import start, stop

    data = Path(cfg.paths.data)
    if cfg.stop:
        stop(data)
        return
    command = stage_command("sweep", ["storage=postgresql"])
    print(f"PostgreSQL is running: {start(data)}\nuse it with `{command}`")


if __name__ == "__main__":
    main()
