"""Arguments read from source code equal those of the imported object."""

import inspect
import re
from pydoc import locate

import pytest

from ai_mixer.config.folder import config_folder
from ai_mixer.config.source_signature import argument_names

TEXTS = [file.read_text(encoding="utf-8") for file in config_folder().rglob("*.yaml")]
TARGETS = sorted({target for text in TEXTS for target in re.findall(r"_target_: ([\w.]+)", text)})


def test_arguments_of_every_target_of_a_config():
    shown = [target for target in TARGETS if argument_names(target) is not None]
    assert len(shown) > 0.8 * len(TARGETS) > 30
    for target in shown:
        assert argument_names(target) == set(inspect.signature(locate(target)).parameters), target


@pytest.mark.parametrize("target", ["no.such.Thing", "ai_mixer.models.nothing.Thing", "x", ""])
def test_unknown_targets_are_not_shown(target):
    assert argument_names(target) is None


def test_arguments_that_go_elsewhere_are_not_shown():
    assert argument_names("ai_mixer.config.instantiate.instantiate_checked") is None  # **arguments
