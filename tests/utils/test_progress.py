"""Messages of libraries about settings that are intended are not shown."""

import logging
import warnings

import pytorch_lightning

from ai_mixer.utils.progress import configure_warnings


def test_hints_of_lightning_are_off_though_it_is_imported_later():
    """Its import sets the level of its own logger to INFO."""
    names = ("pytorch_lightning", "lightning_fabric")
    levels = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        configure_warnings()
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.INFO)
        inner = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in names]
        shown = [name for name in inner if logging.getLogger(name).isEnabledFor(logging.INFO)]
        assert f"{pytorch_lightning.__name__}.trainer.connectors.checkpoint_connector" in inner
        assert {name for name in shown if ".profilers" not in name} <= {*names}
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
