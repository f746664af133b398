"""Listen: open a run's listening page in the browser and print its path."""

import webbrowser

from omegaconf import DictConfig

from ai_mixer.cli.stage import stage
from ai_mixer.config.stage_command import stage_command


@stage("render")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.cli.stages.listen [run=ID]`."""
    from ai_mixer.tracking import find_run
    from ai_mixer.tracking.run_lookup import results_folder
    from ai_mixer.training.builders import run_override

    run = run_override(cfg)
    folder = results_folder(find_run(run, cfg.paths.mlruns), cfg.paths.outputs)
    page = folder / "listening" / "index.html"
    if not page.is_file():
        command = stage_command("render", [f"run={run}"])
        raise FileNotFoundError(f"{page}: no such file: `{command}` writes it")
    print(page)
    webbrowser.open(page.as_uri())


if __name__ == "__main__":
    main()
