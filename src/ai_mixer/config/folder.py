"""Location of the YAML config files."""

from pathlib import Path


def config_folder() -> Path:
    """Return the folder of the config files: in an installed wheel or at the repository root."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"
