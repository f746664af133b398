"""Layout of the page: no overlap, no overflow, sufficient contrast."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import Mix, SongSamples

pytestmark = pytest.mark.browser

LONG = "Symphony No. 9 in E minor, Op. 95 “From the New World”: II. Largo (live, remastered)"
CONTRASTS_SCRIPT = """
const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => [r, g, b]
  .map((x) => x / 255)
  .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
  .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
const backgroundOf = (node) => {
  for (; node; node = node.parentElement) {
    const colour = rgba(getComputedStyle(node).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const contrasts = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode.parentElement;
  if (!walk.currentNode.textContent.trim() || node.closest("script, .hidden, figcaption")) continue;
  if (!node.checkVisibility()) continue;
  const [a, b] = [rgba(getComputedStyle(node).color), backgroundOf(node)].map(luminance);
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  contrasts.push([walk.currentNode.textContent.trim(), ratio]);
}
return contrasts;
"""
BOXES_SCRIPT = """
return queryAll(arguments[0]).filter((node) => node.checkVisibility()).map((node) => {
  const { left, top, right, bottom } = node.getBoundingClientRect();
  return [node.textContent, left, top, right, bottom];
});
"""

CUT_SCRIPT = """
return queryAll(".versions button, .versions button > *")
  .filter((node) => node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight)
  .map((node) => node.textContent);
"""

LABELS = [
    ".tick, figcaption",
    ".times span",
    ".scale span",
    ".versions button",
    "#settings th, #settings td",
    ".seek > *, .switches > *, .level > *",
    "#songs button",
    "header h1, .headline div",
]


@pytest.fixture
def set_width(browser: Any) -> Iterator[Callable[[int], None]]:
    def change(width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    yield change
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture(params=[1280, 390])
def width(request: pytest.FixtureRequest, set_width: Callable[[int], None]) -> int:
    set_width(request.param)
    return int(request.param)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest, browser: Any) -> Iterator[str]:
    media = [{"name": "prefers-color-scheme", "value": request.param}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    yield request.param
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture(scope="module")
def full_file(make: Callable[..., SongSamples], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with long names, and ten seconds of time ticks."""
    songs = [make(LONG, 10.0), make("x" * 120, 0.5), make("short", 0.5)]
    headline = {
        f"knob skill, {name}": "-0.25 (n = 12)" for name in ("blind", "reference", "paired")
    }
    path = tmp_path_factory.mktemp("full") / "index.html"
    return write_page(path, "Title", songs, headline=headline)


@pytest.fixture
def full_page(browser: Any, open_file: Callable[..., Any], full_file: Path) -> Any:
    page = open_file(browser, full_file)
    page.execute("setLoop({ from: 1, to: 9 })")
    return page


@pytest.mark.parametrize("song", [0, 1])
def test_content_fits_into_the_width(width: int, full_page: Any, song: int) -> None:
    full_page.execute(f"openSong({song}); help.showModal()")
    assert full_page.evaluate("document.documentElement.scrollWidth") <= width
    left, right = full_page.evaluate(
        "[help.getBoundingClientRect().left, help.getBoundingClientRect().right]"
    )
    assert 0 < left < right < width


def test_labels_do_not_overlap(width: int, full_page: Any) -> None:
    for labels in LABELS:
        boxes = full_page.driver.execute_script(BOXES_SCRIPT, labels)
        assert len(boxes) > 1, labels
        for index, (text, left, top, right, bottom) in enumerate(boxes):
            for other, left2, top2, right2, bottom2 in boxes[index + 1 :]:
                separate = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
                assert separate, f"{text!r} overlaps {other!r}"


@pytest.mark.parametrize("blind", [False, True], ids=["names", "blind"])
def test_no_text_of_a_button_is_cut(
    set_width: Callable[[int], None], full_page: Any, blind: bool
) -> None:
    full_page.execute(f"setBlind({str(blind).lower()})")
    assert ("name hidden" if blind else "by the model") in full_page.text("versions")
    for width in (320, 390, 760, 800, 1000, 1081, 1100, 1150, 1280, 1600):
        set_width(width)
        assert full_page.driver.execute_script(CUT_SCRIPT) == [], width
        assert full_page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_number_of_songs_is_on_one_line(width: int, full_page: Any) -> None:
    """In narrow windows below its figure, but not on two lines itself."""
    rows = full_page.driver.execute_script(
        """
        return queryAll(".headline dd").map(({ firstChild: text }) => {
          const range = document.createRange();
          range.setStart(text, text.data.indexOf("("));
          range.setEnd(text, text.length);
          return range.getClientRects().length;
        });
        """
    )
    assert rows == [1, 1, 1], width


def test_text_has_sufficient_contrast(scheme: str, full_page: Any) -> None:
    """Contrast 4.5 : 1 or more (WCAG 2 level AA), for each selected version."""
    for version in ("rough", "mix", "finished"):
        full_page.execute(f"selectVersion('{version}')")
        contrasts = full_page.driver.execute_script(CONTRASTS_SCRIPT)
        assert len(contrasts) > 40
        assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


def test_axes_have_ticks_with_units(full_page: Any) -> None:
    texts = full_page.evaluate(
        "queryAll('figure[data-version=mix] .tick').map(tick => tick.textContent)"
    )
    assert texts == ["100 Hz", "1 kHz", "10 kHz"]
    times = full_page.evaluate("queryAll('#times span').map(mark => mark.textContent)")
    assert times == [f"{second} s" for second in range(11)]


def test_no_picture_is_darkened(full_page: Any) -> None:
    """A darker picture reads as a softer version; the selected one is marked by its frame."""
    style = "queryAll('figure[data-version]').map(f => getComputedStyle({}).{})"
    for number in range(1, 4):
        full_page.key(str(number))
        assert set(full_page.evaluate(style.format("f.firstChild", "filter"))) == {"none"}
        assert set(full_page.evaluate(style.format("f.firstChild", "opacity"))) == {"1"}
        frames = full_page.evaluate(style.format("f", "boxShadow"))
        assert [frame != "none" for frame in frames] == [n == number for n in range(1, 4)]


def test_figures_say_whether_they_are_gains_or_levels(full_page: Any) -> None:
    full_page.execute("openSong(0); setLoudnessMatched(true)")
    gains = full_page.text("matching")
    assert gains.startswith("Gain applied for equal loudness: Rough +")
    assert gains.endswith(" dB.")
    full_page.execute("setLoudnessMatched(false)")
    levels = full_page.text("matching")
    assert levels.startswith("No gain applied. Loudness of the versions: Rough −")
    assert levels.count(" LUFS") == 3
    full_page.execute("setLoudnessMatched(true)")


def test_the_note_of_a_song_is_beside_it(full_page: Any) -> None:
    full_page.execute("openSong(0)")
    assert full_page.text("note") == "18.1 LU quieter"


def test_tables_show_settings_and_metrics(full_page: Any) -> None:
    rows = full_page.evaluate(
        "queryAll('#settings tr').map(row => [...row.cells].map(c => c.textContent))"
    )
    assert rows == [
        ["Low EQ", "+2.5 dB", "+1.5 dB", "+2.0 dB"],
        ["Input gain", "× 2.00", "× 2.00", "unknown"],
        ["Reverb", "12 %", "12 %", "masked"],
    ]
    heads = full_page.evaluate("queryAll('#settings-card thead th').map(head => head.textContent)")
    assert heads == ["Knob", "Predicted", "Applied", "True"]
    assert "Masked" in full_page.text("masked-note")
    assert full_page.evaluate(
        "queryAll('#metrics tr').map(row => row.innerText.split(/\\s+/))"
    ) == [["Closeness", "0.00", "0.410"]]


def test_cards_without_content_are_hidden(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    page = open_page(make("x", 0.5, mixes={"mix": Mix(np.zeros((2, 11025)))}))
    assert (
        page.evaluate("['settings-card', 'metrics-card'].map(id => byId(id).hidden)") == [True] * 2
    )
