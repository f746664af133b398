"""A page of several mixes: playback, tables, blind test and votes."""

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai_mixer.evaluation.comparison.runs import LETTERS
from ai_mixer.listening.page import TableSection, write_page
from ai_mixer.listening.page_data import VersionLabel
from ai_mixer.listening.samples import Mix, SettingRow, SongSamples

MIXES = {"mix1": VersionLabel("A", "first run"), "mix2": VersionLabel("B", "second run")}
RMS_DB = {"rough": -22.98, "mix1": -10.97, "mix2": -16.99, "finished": -4.95}
SECTIONS = [TableSection("How good", ["Run", "Skill"], [["<b>A</b>", "0.5"]], "Of two songs.")]


def row(predicted: float, applied: float | None = None) -> SettingRow:
    return SettingRow("low_eq", "dB", -6, 6, 0, predicted, 2.0, applied=applied)


@pytest.fixture(scope="module")
def several(make: Callable[..., SongSamples], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs mixed by two models; the second mix has half the level and less bass."""
    tone = make("x").mixes["mix"].audio
    mixes = {
        "mix1": Mix(tone, [row(1.5)], {"closeness": 0.4}),
        "mix2": Mix(tone / 2, [row(-4.0, applied=-3.0)], {"closeness": 0.2}),
    }
    songs = [make("one", mixes=mixes), make("two", mixes=mixes)]
    path = tmp_path_factory.mktemp("several") / "index.html"
    return write_page(path, "Title", songs, mixes=MIXES, sections=SECTIONS, headline={"n": 2})


@pytest.fixture
def page(browser: Any, open_file: Callable[..., Any], several: Path) -> Any:
    return open_file(browser, several)


def names(page: Any) -> list[str]:
    return page.evaluate("queryAll('#versions b').map(name => name.textContent)")


def visible(page: Any, selector: str) -> bool:
    return page.evaluate(f"queryAll('{selector}').some(node => node.checkVisibility())")


def test_mixes_of_songs_and_page_must_be_equal(song: SongSamples, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Night bus.*\['mix'\].*\['mix1"):
        write_page(tmp_path / "i.html", "Title", [song], mixes=MIXES)


def test_sections_are_escaped(several: Path) -> None:
    page = several.read_text()
    assert "&lt;b&gt;A&lt;/b&gt;" in page
    assert re.search(r"<h3>How good</h3><p[^>]*>Of two songs.</p>", page)


@pytest.mark.parametrize("number", range(2))
def test_every_mix_has_a_colour_with_sufficient_contrast(number: int) -> None:
    """Contrast 4.5 : 1 or more with the text on it, in light and dark mode (WCAG 2, AA)."""
    css = (files("ai_mixer.listening") / "page.css").read_text()
    colours = dict(
        re.findall(r"--(\w+): (#\w+);", re.findall(r":root \{(.*?)\}", css, re.S)[number])
    )

    def luminance(name: str) -> float:
        digits = colours[name][1:]
        digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    for version in ("mix", *(f"mix{n + 1}" for n in range(len(LETTERS)))):
        low, high = sorted((luminance(version), luminance("on")))
        assert (high + 0.05) / (low + 0.05) >= 4.5, version
        assert f'body[data-source="{version}"]' in css or version == "mix"


@pytest.mark.browser
@pytest.mark.parametrize("hidden", ["false", "true"])
def test_content_fits_into_the_width_of_a_phone(page: Any, hidden: str) -> None:
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.execute(f"setBlind({hidden})")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.browser
def test_every_mix_can_be_played(page: Any) -> None:
    page.click("#match")
    page.play()
    for number, (version, level) in enumerate(RMS_DB.items(), 1):
        page.key(str(number))
        assert page.evaluate("state.version") == version
        page.wait_for_only(version)
        page.wait_for_level(level)
    assert names(page) == ["Rough", "A", "B", "Finished"]
    assert page.errors() == []


@pytest.mark.browser
def test_tables_have_a_column_per_mix(page: Any) -> None:
    heads = page.evaluate("queryAll('#settings-head th').map(head => head.textContent)")
    assert heads == ["Knob", "A, applied", "B, applied", "True"]
    cells = page.evaluate(
        "queryAll('#settings tr').map(row => [...row.cells].map(c => c.textContent))"
    )
    assert cells == [["Low EQ", "+1.5 dB", "−3.0 dBpredicted −4.0 dB", "+2.0 dB"]]
    assert page.evaluate("queryAll('#metrics tr')[0].innerText.split(/\\s+/)")[1:] == [
        "0.00",
        "0.400",
        "0.200",
    ]
    page.click("#differences li:nth-child(2) button")
    assert page.text("differences").startswith("Low EQ: A +1.5 dB, B −3.0 dB")
    assert page.text("name") == "two"


@pytest.mark.browser
def test_hidden_names_are_not_shown_anywhere(page: Any) -> None:
    page.click("#match")  # enabled again by the blind test
    page.key("n")
    assert names(page) == ["Version 1", "Version 2", "Version 3", "Finished"]
    assert page.evaluate("versionsInButtonOrder().slice(0, 3).sort()") == ["mix1", "mix2", "rough"]
    assert page.evaluate("state.version === versionsInButtonOrder()[0] && state.loudnessMatched")
    page.key("m")
    assert page.evaluate("state.loudnessMatched") is True
    assert page.evaluate("document.body.dataset.source") == "hidden"
    shown = page.evaluate("byId('name').closest('.layout').innerText")
    for name in ("first run", "second run", "Low EQ", "How good", "input", "Rough"):
        assert name not in shown
    for selector in ("#settings-card", "#metrics-card", ".spoiler", "figure[data-votable=true]"):
        assert not visible(page, selector)
    page.key("n")
    assert names(page) == ["Rough", "A", "B", "Finished"]
    assert visible(page, "#settings-card")
    assert visible(page, ".spoiler")


@pytest.mark.browser
def test_orders_are_uniformly_random(page: Any) -> None:
    """Each of the six orders is equally frequent, within 5 standard deviations."""
    orders = page.evaluate("Array.from({ length: 3000 }, () => shuffle([0, 1, 2]).join())")
    values, counts = np.unique(orders, return_counts=True)
    assert len(values) == 6
    assert np.abs(counts - 500).max() < 5 * np.sqrt(3000 * (1 / 6) * (5 / 6))


@pytest.mark.browser
def test_votes_are_counted_and_show_the_names_of_their_song(page: Any) -> None:
    page.click("#blind")
    page.key("4")  # the finished version cannot be voted for
    assert page.evaluate("byId('vote').disabled") is True
    page.key("v")
    assert page.evaluate("tally().songs") == 0
    page.key(str(page.evaluate("versionsInButtonOrder().indexOf('mix2') + 1")))
    page.click("#vote")
    assert sorted(names(page)) == ["A", "B", "Finished", "Rough"]
    assert page.text("verdict") == "You chose B. One song is left."
    assert visible(page, "#settings-card")
    assert not visible(page, ".spoiler")  # one song has no vote yet
    page.key("v")
    page.click("#songs li:nth-child(2) button")
    assert names(page)[0] == "Version 1"
    page.key(str(page.evaluate("versionsInButtonOrder().indexOf('mix2') + 1")))
    page.key("v")
    assert page.evaluate("tally().table[0]") == {"id": "mix2", "wins": 2}
    assert page.evaluate("byId('votes').rows[0].innerText.split(/\\t/)") == [
        "B · second run",
        "2 of 2",
    ]
    assert "33 %" in page.text("luck")
    assert visible(page, ".spoiler")


@pytest.mark.browser
def test_probability_by_chance_is_the_binomial_tail(page: Any) -> None:
    from scipy.stats import binom

    for wins, songs, count in ((6, 6, 3), (4, 7, 2), (5, 12, 4), (0, 3, 2)):
        expected = min(1, count * binom.sf(wins - 1, songs, 1 / count))
        assert page.evaluate(f"probabilityByChance({wins}, {songs}, {count})") == pytest.approx(
            expected
        )
