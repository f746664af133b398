"""Open a run's listening page: in a browser where there is one, else say where it lies."""

import webbrowser

import hydra
from omegaconf import DictConfig

from ai_mixer.assemble import asked_run
from ai_mixer.console.load import config_folder
from ai_mixer.tracking import find_run


@hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="render")
def main(cfg: DictConfig) -> None:
    """`python -m ai_mixer.listen [run=ID]`."""
    page = find_run(asked_run(cfg), cfg.paths.mlruns) / "listening" / "index.html"
    if not page.is_file():
        raise SystemExit(f"{page} is not there: make render run={cfg.run}")
    print(page)
    webbrowser.open(page.as_uri())


if __name__ == "__main__":
    main()
