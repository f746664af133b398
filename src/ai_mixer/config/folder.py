"""Folders of the YAML config files."""

from pathlib import Path


def config_folder() -> Path:
    """Return the folder of the config files: in an installed wheel or at the repository root."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parents[1] / "configs"


def generated_config_folder() -> Path:
    """Return the folder of the config files that sweeps write, in the working directory.

    Git ignores it, so these files do not become part of a run's `git.patch`.
    """
    return Path.cwd() / "outputs" / "configs"


def config_folders() -> tuple[Path, ...]:
    """Return the folders that are searched for an option, the first one first."""
    return generated_config_folder(), config_folder()
