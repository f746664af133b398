"""Every loss term has a page, and every page a term; both found, neither listed."""

import pytest
from omegaconf import OmegaConf

from ai_mixer.config.folder import config_folder

PAGES = sorted((config_folder() / "loss" / "term").glob("*.yaml"))


def entry(page):
    (found,) = OmegaConf.load(page).items()
    return found


def test_every_term_has_a_page(term_class):
    named = {entry(page)[1].term._target_ for page in PAGES}
    assert f"{term_class.__module__}.{term_class.__qualname__}" in named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_called_as_its_entry(page):
    """`loss/term=[x]` brings `loss.terms.x`, and the log says `train/x`."""
    name, settings = entry(page)
    assert name == page.stem
    assert settings.weight >= 0
    assert settings.scale > 0
    assert page.read_text().startswith("# @package loss.terms\n")
