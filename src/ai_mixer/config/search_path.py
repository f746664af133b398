"""Hydra plugin: options are also searched in the folder of generated config files."""

import warnings

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from ai_mixer.config.folder import generated_config_folder

PROVIDER = "generated"


class GeneratedConfigs(SearchPathPlugin):
    """Puts the folder of generated config files first in the search path.

    It need not exist: a sweep creates it during the run. Hydra would warn if further folders are
    given, `hydra.searchpath=[…]`.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra for each composition."""
        warnings.filterwarnings("ignore", message=f"provider={PROVIDER}, .* not available")
        search_path.prepend(PROVIDER, f"file://{generated_config_folder()}")


def register_search_path() -> None:
    """Make Hydra use the plugin; registering it again changes nothing."""
    Plugins.instance().register(GeneratedConfigs)
