"""Songs with distinct versions, and a listening page in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import Mix, SettingRow, SongSamples
from helpers.browser import start_browser

RATE = 22050
RENDER = """
const [version, at, range, repeat, seconds, done] = arguments;
(async () => {
  openContext();
  selectVersion(version);
  const { sampleRate } = song();
  const offline = new OfflineAudioContext(2, Math.round(seconds * sampleRate), sampleRate);
  const options = { when: 0, at, range, repeat };
  const created = createPlayback(offline, await buffersOf(state.song), options);
  created.out.gain.value = 1;
  created.out.connect(offline.destination);
  const rendered = await offline.startRendering();
  done([0, 1].map((channel) => [...rendered.getChannelData(channel)]));
})();
"""


@pytest.fixture
def song() -> SongSamples:
    return make_song("Night bus")


@pytest.fixture(scope="session")
def make() -> object:
    return make_song


def make_song(name: str, seconds: float = 2.0, **options: Any) -> SongSamples:
    """Rough is the inverted mix at −12 dB; finished is the mix at +6 dB."""
    t = np.arange(round(RATE * seconds)) / RATE
    tone = np.stack([np.sin(2 * np.pi * 441 * t), np.sin(2 * np.pi * 882 * t)]) * 0.4
    rows = [
        SettingRow("low_eq", "dB", -6, 6, 0, 2.5, 2.0, applied=1.5),
        SettingRow("input_gain", "ratio", 0.25, 4, 1, 2.0, None, scale="log"),
        SettingRow("reverb", "wet", 0, 0.6, 0, 0.12, 0.3, masked=True),
    ]
    mix = Mix(options.pop("mix", tone), rows, {"closeness": 0.41})
    audio = {"rough": -0.25 * tone, "mixes": {"mix": mix}, "finished": 2 * tone}
    texts = {"genre": "hip_hop", "condition": "blind", "rough_metrics": {"closeness": 0.0}}
    texts["note"] = "18.1 LU quieter"
    return SongSamples(name, RATE, **{**audio, **texts, **options})


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


class Page:
    """A page in the browser: actions of a user, and access to its state."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def key(self, key: str, modifier: str = "") -> None:
        """Press a key, with the current focus."""
        chain = self._action_chain()
        if modifier:
            chain.key_down(modifier)
        chain.send_keys(key)
        if modifier:
            chain.key_up(modifier)
        chain.perform()

    def evaluate(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression}")

    def execute(self, statements: str) -> None:
        self.driver.execute_script(statements)

    def text(self, name: str) -> str:
        return self.evaluate(f"document.getElementById('{name}').textContent")

    def wait(self, condition: str, seconds: float = 15) -> None:
        """Check a condition every 10 ms; fail if it does not become true."""
        met = self.driver.execute_async_script(
            f"""const done = arguments[0], end = performance.now() + {seconds * 1000};
            (function check() {{
              if ({condition}) done(true);
              else if (performance.now() > end) done(false);
              else setTimeout(check, 10);
            }})()"""
        )
        assert met, f"not within {seconds} s: {condition}"

    def play(self) -> None:
        self.click("#play")
        self.wait("position() > 0.1")

    def wait_for_only(self, version: str) -> None:
        """Wait until the crossfade is over and only this version has a gain."""
        self.wait(
            "playback && VERSIONS.every(each => (playback.gains[each].gain.value > 1e-6) "
            f"=== (each === '{version}'))"
        )

    def wait_for_level(self, rms_db: float) -> None:
        """Wait until the meter shows this level on both channels, ± 0.5 dB."""
        self.wait(f"currentLevels().every(level => Math.abs(level.rmsDb - {rms_db}) < 0.5)")

    def drag(self, start_s: float, end_s: float) -> None:
        """Drag on the spectrograms from one time to another; with equal times it is a click."""
        spectrograms = self.driver.find_element("id", "spectrograms")
        seconds, width = self.evaluate("[song().seconds, spectrograms.clientWidth]")
        offsets = [round((at / seconds - 0.5) * width) for at in (start_s, end_s)]
        chain = self._action_chain()
        chain.move_to_element_with_offset(spectrograms, offsets[0], 0).click_and_hold()
        if start_s != end_s:
            chain.move_to_element_with_offset(spectrograms, offsets[1], 0)
        chain.release().perform()

    def render(
        self, version: str, at: float, loop: tuple[float, float], repeat: bool, seconds: float
    ) -> np.ndarray:
        """Render the output of the page's player offline: [2, T]."""
        ends = {"from": loop[0], "to": loop[1]}
        channels = self.driver.execute_async_script(RENDER, version, at, ends, repeat, seconds)
        return np.array(channels)

    def _action_chain(self) -> Any:
        chains = pytest.importorskip("selenium.webdriver.common.action_chains")
        return chains.ActionChains(self.driver, duration=50)

    def errors(self) -> list[str]:
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
        ]


@pytest.fixture(scope="session")
def on_page() -> Callable[[Any], Page]:
    """A function: browser → the page it shows."""
    return Page


@pytest.fixture(name="open_file", scope="session")
def _open_file() -> Callable[..., Page]:
    return open_file


def open_file(browser: Any, path: Path) -> Page:
    browser.switch_to.default_content()
    browser.get(path.as_uri())
    browser.get_log("browser")  # discard errors of previous pages
    return Page(browser)


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Callable[..., Page]:
    """A function that writes the page of some songs and opens it in the browser."""

    def opened(*songs: SongSamples) -> Page:
        return open_file(browser, write_page(tmp_path / "index.html", "Title", songs))

    return opened


@pytest.fixture(scope="session")
def two_songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two songs of two seconds."""
    songs = [make_song("Night bus"), make_song("<b>Étude</b> №4")]
    return write_page(tmp_path_factory.mktemp("two") / "index.html", "Title", songs)


@pytest.fixture
def page(browser: Any, two_songs: Path) -> Page:
    """The page of two songs, opened in the browser."""
    return open_file(browser, two_songs)
