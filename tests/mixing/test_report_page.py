"""The report of a master in Chromium: at three widths, on paper, and what it has to contain."""

import base64
import re
from datetime import date

import pytest

from ai_mixer import AudioMixer
from ai_mixer.core.version import __version__
from ai_mixer.mixing.mix_options import MixOptions
from helpers.browser import start_browser
from helpers.datasets import small_song

pytestmark = pytest.mark.slow
WIDTHS = (375, 768, 1280)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a master with a reference, a style and fixed settings, the longest there is."""
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("report")
    for number, name in enumerate(("A song with a rather long name.wav", "reference.wav")):
        soundfile.write(folder / name, (0.2 + 0.5 * number) * small_song(number), 44_100)
    result = AudioMixer().master(
        folder / "A song with a rather long name.wav",
        folder / "m.wav",
        reference=folder / "reference.wav",
        mix_options=MixOptions(style="warm", fixed_settings={"band2_gain": -2.5}),
        target_lufs=-12.0,
    )
    assert result.preset.equaliser
    return folder / "m.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_at_any_width(browser, report, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(report.as_uri())
    script = "return [innerWidth, document.documentElement.scrollWidth]"
    inner, scrolled = browser.execute_script(script)
    assert inner == width
    assert scrolled <= inner
    small = """return [...document.querySelectorAll('p,td,th,button,svg text')]
        .filter(e => e.getBoundingClientRect().height < 8 && e.textContent.trim()).length"""
    assert browser.execute_script(small) == 0
    assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def test_it_prints_on_one_page(browser, report):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get(report.as_uri())
    paper = {"printBackground": True, "preferCSSPageSize": True}
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_it_has_words_curves_player_settings_and_what_was_asked(browser, report):
    browser.get(report.as_uri())
    text = browser.execute_script("return document.body.innerText")
    lead = browser.execute_script("return document.querySelector('.lead').innerText")
    assert lead.count(".") >= 2
    for words in ("warm", "−12 LUFS", "at most −1 dBTP", "reference.wav", "bell", "LUFS"):
        assert words in text, words
    assert date.today().isoformat() in text
    assert f"ai_mixer {__version__}" in text
    labels = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].map(e => e.textContent)"
    )
    assert {"+12", "−12", "dB", "LUFS"} <= set(labels)
    assert browser.execute_script("return document.querySelectorAll('audio').length") == 2
    assert browser.execute_script("return document.querySelectorAll('polyline').length") >= 3
