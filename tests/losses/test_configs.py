"""Tests of configs/loss/term: each loss term has a config file and each file a term."""

import pytest
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder

FILES = sorted((config_folder() / "loss" / "term").glob("*.yaml"))


def entry(file):
    (item,) = OmegaConf.load(file).items()
    return item


def test_every_term_has_a_config_file(term_class):
    targets = {entry(file)[1].term._target_ for file in FILES}
    assert f"{term_class.__module__}.{term_class.__qualname__}" in targets


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_file_has_the_name_of_its_entry(file):
    """`loss/term=[x]` adds `loss.terms.x`, logged as `train/x`."""
    name, settings = entry(file)
    assert name == file.stem
    assert settings.weight >= 0
    assert settings.scale > 0
    assert file.read_text().startswith("# @package loss.terms\n")
