"""The page in MLflow's UI, started as `make ui` does."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ai_mixer.config.folder import config_folder
from ai_mixer.listening.page import MAX_BYTES
from ai_mixer.tracking import Run, Store

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = config_folder().parent
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, two_songs: Path) -> Run:
    """A run with metrics and a listening page of the maximal size."""
    store = Store(tmp_path_factory.mktemp("store") / "mlruns")
    with Run.start(store, "ai_mixer", "tiny") as run:
        run.log_metrics({"test_skill_blind": 0.25, "test_skill_paired": 0.5, "train/loss": 1.0})
        run.log_params({"group": {"model": "baseline_cnn"}})
        run.log_dataset("band", "0123456789abcdef", {"train": 8})
        run.describe("Knob skill: **+0.25**")
        text = two_songs.read_text()
        padding = "x" * (MAX_BYTES - len(text.encode()) - 100)
        page = run.artifact_dir / "listening" / "index.html"
        page.parent.mkdir()
        page.write_text(text.replace("</body>", f'<script type="x">{padding}</script></body>'))
    return run


@pytest.fixture(scope="module")
def address(run: Run) -> Iterator[str]:
    """The address printed by the command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    overrides = [f"port={port}", f"paths.mlruns={run.store.folder}"]
    with subprocess.Popen(
        [sys.executable, "-m", "ai_mixer.cli.stages.ui", *overrides],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout
            printed = server.stdout.readline().strip()
            _wait_for(f"http://127.0.0.1:{port}/health")
            yield printed
        finally:
            server.terminate()


def _wait_for(url: str) -> None:
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def wait_for(browser: Any, selector: str, text: str = "") -> Any:
    """Wait for an element with the text."""
    wait = pytest.importorskip("selenium.webdriver.support.wait").WebDriverWait

    def find(driver: Any) -> Any:
        nodes = driver.find_elements("css selector", selector)
        return next((node for node in nodes if text in (node.text or "")), None)

    errors = pytest.importorskip("selenium.common.exceptions")
    stale = [errors.StaleElementReferenceException]
    return wait(browser, TIMEOUT_S, ignored_exceptions=stale).until(find)


def test_the_printed_link_shows_the_metrics(browser: Any, address: str) -> None:
    browser.switch_to.default_content()
    browser.set_window_size(1900, 1000)  # columns outside the window are not created
    browser.get(address)
    wait_for(browser, "a", "tiny")
    shown = wait_for(browser, "main, body", "test_skill_blind").text
    for text in ("test_skill_paired", "0.25", "0.5", "baseline_cnn"):
        assert text in shown
    assert "Model training" in shown


def test_the_page_plays_as_an_artifact(
    browser: Any, address: str, run: Run, on_page: Callable[[Any], Any]
) -> None:
    browser.switch_to.default_content()
    start = re.sub(r"/runs\?.*", "", address)
    browser.get(f"{start}/runs/{run.id}/artifacts/listening/index.html")
    frame = wait_for(browser, "iframe")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    assert frame.get_attribute("src").startswith("blob:")
    browser.get_log("browser")
    browser.switch_to.frame(frame)
    page = on_page(browser)
    page.wait("document.getElementById('play') !== null")
    page.play()
    page.click("button[data-version=finished]")
    page.wait_for_level(-4.95)
    page.key("1")
    assert page.evaluate("state.version") == "rough"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.errors() == []
