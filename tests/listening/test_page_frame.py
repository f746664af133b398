"""The page as MLflow shows it: a blob in a sandboxed frame that allows scripts only.

MLflow 3.17 (`ShowArtifactHtmlView`) fetches the artifact as text and sets the URL of
`new Blob([text], {type: "text/html"})` as the source of `<iframe sandbox="allow-scripts">`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import SongSamples

keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
pytestmark = pytest.mark.browser

FRAME = """<!doctype html><meta charset="utf-8">
<iframe sandbox="allow-scripts" width="1200" height="900"></iframe>
<script>
const page = TEXT;
document.querySelector("iframe").src =
  URL.createObjectURL(new Blob([page], { type: "text/html" }));
</script>"""


@pytest.fixture
def framed(open_file: Callable[..., Any], browser: Any, two_songs: Path, tmp_path: Path) -> Any:
    text = json.dumps(two_songs.read_text()).replace("<", "\\u003c")
    host = tmp_path / "frame.html"
    host.write_text(FRAME.replace("TEXT", text))
    page = open_file(browser, host)
    browser.switch_to.frame(0)
    page.wait("document.getElementById('play') !== null")
    assert page.evaluate("[window.origin, location.protocol]") == ["null", "blob:"]
    return page


def test_all_functions_work_in_the_frame(framed: Any) -> None:
    page = framed
    page.play()
    page.click("button[data-version=finished]")
    page.wait_for_only("finished")
    page.wait_for_level(-4.95)
    page.drag(0.5, 1.5)
    assert page.evaluate("[state.loop.from, state.loop.to]") == pytest.approx([0.5, 1.5], abs=0.01)
    page.click("figure[data-version=rough]")
    page.key("2")
    assert page.evaluate("state.version") == "mix"
    page.key("c")
    assert page.evaluate("state.loop") is None
    page.key("?")
    assert page.evaluate("help.open") is True
    page.key(keys.ESCAPE)
    page.key(keys.ARROW_RIGHT, keys.SHIFT)
    page.wait("state.song === 1 && playback !== null")
    assert page.evaluate(
        "queryAll('.spectrograms img').every(image => image.complete && image.naturalWidth)"
    )
    assert page.errors() == []


def test_links_to_other_pages_are_text_in_the_frame(
    open_file: Callable[..., Any], browser: Any, make: Callable[..., SongSamples], tmp_path: Path
) -> None:
    """In a local file they are links; in a frame without an origin, links do not work."""
    songs = [make("a", 0.5), make("b", 0.5)]
    page = open_file(browser, write_page(tmp_path / "index.html", "Title", songs, max_bytes=1))
    page.click("footer a")
    assert page.text("name") == "b"
    host = tmp_path / "frame.html"
    host.write_text('<iframe sandbox="allow-scripts" src="index.html" width=900 height=900>')
    page = open_file(browser, host)
    browser.switch_to.frame(0)
    page.wait("document.getElementById('play') !== null")
    assert page.evaluate("queryAll('footer a').length") == 0
    assert "index-2.html" in page.evaluate("document.querySelector('footer').innerText")
