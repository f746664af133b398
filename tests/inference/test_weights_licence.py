"""Licence of weights: derived from the licences of the music, stated everywhere."""

import csv
import re
import tomllib
from collections import Counter

import pytest

from ai_mixer.config.folder import config_folder
from ai_mixer.inference import pretrained
from ai_mixer.inference.weights_licence import derive_licence, recorded_licences

ROOT = config_folder().parent


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (["CC0-1.0"], "CC0-1.0"),
        (["Public domain", "CC0"], "CC0-1.0"),
        (["CC-BY-3.0", "CC0"], "CC-BY-4.0"),
        (["Attribution 3.0 International"], "CC-BY-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-4.0"], "CC-BY-SA-4.0"),
        (["http://creativecommons.org/licenses/by-sa/3.0/"], "CC-BY-SA-4.0"),
        (["Attribution-ShareAlike 3.0 International"], "CC-BY-SA-4.0"),
        (["CC-BY-SA-3.0 or 4.0, per file: LICENSES"], "CC-BY-SA-4.0"),
        (["CC0, CC-BY, CC-BY-SA or GPL, per file: LICENSES"], "GPL-3.0-only"),
        (["GPL-3.0-only or CC-BY-3.0"], "CC-BY-4.0"),
        (["GPL-2.0-or-later", "CC-BY-SA-3.0"], "GPL-3.0-only"),
    ],
)
def test_the_licence_is_one_into_which_every_song_may_be_adapted(recorded, expected):
    assert derive_licence(Counter(recorded)).identifier == expected


@pytest.mark.parametrize(
    "text",
    [
        "CC-BY-NC-SA-3.0",
        "Attribution-NonCommercial 3.0 International",
        "CC BY-ND 4.0",
        "none stated; research only",
        "academic use only; each song has a licence of its own",
        "All rights reserved",
        "not stated",
        "© 2020 Somebody",
    ],
)
def test_no_licence_is_derived_from_music_that_allows_none_or_is_not_recognised(text):
    licence = derive_licence({"CC0": 3, text: 2})
    assert licence.identifier is None
    assert not licence.is_share_alike
    assert f"{text} (2)" in licence.describe()
    assert "CC0" not in licence.describe()


def test_no_recorded_licence_is_not_known():
    assert derive_licence({}).identifier is None
    assert derive_licence({}).describe().startswith("not known")


def test_licences_of_a_card_are_read_with_commas():
    card = "x\nLicences: CC0, CC-BY or GPL, per file: LICENSES (70), not stated (3).\nLicences"
    assert recorded_licences(card) == {"CC0, CC-BY or GPL, per file: LICENSES": 70, "not stated": 3}
    assert recorded_licences("no such line") == {}


@pytest.mark.parametrize("name", pretrained.list_models())
def test_the_licence_of_a_packaged_model_is_stated_everywhere(name):
    licence = pretrained.licence(name)
    assert licence.identifier is not None
    assert licence.is_share_alike
    card = (pretrained.model_folder(name) / "card.md").read_text(encoding="utf-8")
    assert f"## Licence\n\nThe weights: {licence.describe()}." in card
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert licence.identifier in project["license"].split(" AND ")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert licence.identifier in readme.partition("## Licences")[2]


def test_the_text_of_each_licence_of_the_metadata_is_packaged():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in project["license-files"]]
    assert len(texts) == len(project["license"].split(" AND "))
    assert any("Apache License" in text for text in texts)
    assert any("GNU GENERAL PUBLIC LICENSE" in text for text in texts)


def test_every_song_of_the_packaged_models_is_credited():
    with (pretrained.MODELS_DIR / "credits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 118
    assert all(row["song"] and row["artist"] and row["source"] for row in rows)
    licence = derive_licence(Counter(row["licence"] for row in rows))
    for name in pretrained.list_models():
        assert licence == pretrained.licence(name)


def test_a_model_without_a_recorded_licence_has_none(packaged_models):
    assert pretrained.licence("baseline_cnn").identifier is None
    assert re.match("not known", pretrained.licence("baseline_cnn").describe())
