"""Where the YAML config files are."""

from pathlib import Path


def config_folder() -> Path:
    """Where the pages live: inside an installed wheel, else at the top of the repository."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"
