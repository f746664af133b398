"""The page in a real browser: what is pressed is what is heard."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ai_mixer.listening.page import write_page
from ai_mixer.listening.samples import SongSamples

pytestmark = pytest.mark.browser

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1280,1000",
]
SECONDS = 2.0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: the page extra")
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    service = webdriver.ChromeService(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


class Page:
    """The page as a listener has it: controls to press, a state to look at."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def press(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def key(self, key: str) -> None:
        self.driver.switch_to.active_element.send_keys(key)

    def ask(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression}")

    def wait(self, condition: str, seconds: float = 10) -> None:
        self.driver.execute_async_script(
            f"""const done = arguments[0], end = performance.now() + {seconds * 1000};
            (function look() {{
              if ({condition} || performance.now() > end) done(); else setTimeout(look, 10);
            }})()"""
        )
        assert self.ask(condition), f"not within {seconds} s: {condition}"

    def pressed(self) -> list[str]:
        buttons = self.driver.find_elements("css selector", "[data-version][aria-pressed=true]")
        return [button.get_attribute("data-version") for button in buttons]

    def gains(self) -> dict[str, float]:
        """Gain of each version, read after the crossfade."""
        self.driver.execute_async_script("setTimeout(arguments[0], 100)")
        return self.ask(
            "Object.fromEntries(Object.entries(listening.voice().gains)"
            ".map(([name, node]) => [name, node.gain.value]))"
        )

    def level_db(self) -> float:
        self.driver.execute_async_script("setTimeout(arguments[0], 250)")
        return self.ask("listening.levelDb()")


@pytest.fixture
def page(browser: Any, make: Callable[..., SongSamples], tmp_path: Path) -> Page:
    songs = [make("Night bus", SECONDS), make("<b>Étude</b> №4", SECONDS)]
    browser.get(write_page(tmp_path / "index.html", "Title", songs).as_uri())
    return Page(browser)


def no_complaints(driver: Any) -> bool:
    return not [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_buttons_choose_what_is_heard(page: Page) -> None:
    assert page.ask("document.body.dataset.playing") == "false"
    page.press("#match")  # every version at its own level: rough −12, finished +6 dB
    page.press("#play")
    page.wait("listening.position() > 0.1")
    assert page.ask("document.body.dataset.playing") == "true"
    levels = {}
    for version in ("rough", "mix", "finished"):
        page.press(f"button[data-version={version}]")
        assert page.ask("document.body.dataset.source") == version
        assert page.pressed() == [version]
        gains = page.gains()
        assert {name for name, gain in gains.items() if gain > 1e-6} == {version}
        levels[version] = page.level_db()
    assert levels["mix"] - levels["rough"] == pytest.approx(12.04, abs=0.5)
    assert levels["finished"] - levels["mix"] == pytest.approx(6.02, abs=0.5)
    page.press("#play")
    assert page.ask("document.body.dataset.playing") == "false"
    assert page.ask("listening.position()") > 0
    assert no_complaints(page.driver)


def test_same_loudness_makes_them_equal(page: Page) -> None:
    page.press("#play")
    page.wait("listening.position() > 0.1")
    levels = []
    for version in ("rough", "mix", "finished"):
        page.press(f"button[data-version={version}]")
        levels.append(page.level_db())
    assert max(levels) - min(levels) < 0.5
    assert "mix +6.0 dB" in page.ask("document.getElementById('matching').textContent")


def test_the_versions_run_in_the_same_sample(page: Page) -> None:
    """Rough is the mix turned over and divided by four: together they cancel, if in step."""
    page.press("#play")
    page.wait("listening.position() > 0.1")
    page.ask("Object.values(listening.voice().gains).forEach(node => { node.gain.value = 0 })")
    page.ask("listening.voice().gains.mix.gain.value = 0.25")
    assert page.level_db() > -30
    page.ask("listening.voice().gains.rough.gain.value = 1")
    assert page.level_db() < -80


def test_position_goes_on_seeks_and_repeats(page: Page) -> None:
    page.press("#play")
    page.wait("listening.position() > 0.2")
    before, now = page.ask("listening.time()"), page.ask("document.getElementById('now').innerText")
    page.wait(f"listening.time() > {before} + 0.3")
    assert page.ask("document.getElementById('now').innerText") != now
    assert page.ask("document.getElementById('playhead').style.left") != "0%"
    page.driver.execute_script(
        "const bar = document.getElementById('position');"
        "bar.value = 1.7; bar.dispatchEvent(new Event('change'))"
    )
    page.wait("listening.position() > 1.7")
    page.wait("listening.position() < 1")  # round the end
    assert page.ask("document.body.dataset.playing") == "true"
    page.press("#loop")
    page.wait("document.body.dataset.playing === 'false'")  # and now it ends there
    assert page.ask("listening.position()") == 0


def test_a_click_on_a_picture_goes_there(page: Page) -> None:
    page.press("figure[data-version=finished]")  # in the middle
    assert page.ask("document.body.dataset.source") == "finished"
    assert page.ask("listening.position()") == pytest.approx(SECONDS / 2, abs=0.05)


def test_keys(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    for key, version in {"1": "rough", "2": "mix", "3": "finished"}.items():
        page.key(key)
        assert page.ask("document.body.dataset.source") == version
    page.key(Keys.SPACE)
    page.wait("listening.position() > 0")
    page.press("button[data-version=rough]")
    page.wait("document.body.dataset.playing === 'true'")
    page.key(Keys.SPACE)  # plays and pauses, whatever was clicked before
    page.wait("document.body.dataset.playing === 'false'")
    assert page.ask("document.body.dataset.source") == "rough"
    page.key(Keys.ARROW_RIGHT)
    assert page.ask("document.body.dataset.song") == "1"
    assert page.ask("document.getElementById('name').textContent") == "<b>Étude</b> №4"
    page.key(Keys.ARROW_RIGHT)
    assert page.ask("document.body.dataset.song") == "0"


def test_a_control_reached_by_keyboard_keeps_its_keys(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.ask("document.querySelector('button[data-version=finished]').focus()")
    page.key(Keys.SPACE)
    assert page.ask("document.body.dataset.source") == "finished"
    assert page.ask("document.body.dataset.playing") == "false"


def test_another_song_plays_on(page: Page) -> None:
    page.press("#play")
    page.wait("listening.position() > 0.3")
    page.press("#songs li:nth-child(2) button")
    page.wait("listening.voice() !== null && listening.position() > 0.05")
    assert page.ask("document.body.dataset.song") == "1"
    assert page.ask("document.body.dataset.playing") == "true"
    assert page.level_db() > -30


def test_nothing_is_decoded_before_it_is_played(page: Page) -> None:
    assert page.ask("listening.time()") == 0
    assert page.ask("listening.voice()") is None


@pytest.mark.parametrize("width", [1280, 420])
def test_nothing_sticks_out(page: Page, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert page.ask("document.documentElement.scrollWidth") <= width
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_has_a_name(page: Page) -> None:
    for control in page.driver.find_elements("css selector", "button, input, [role=meter]"):
        assert control.accessible_name, control.get_attribute("outerHTML")


def test_inside_a_sandboxed_frame(page: Page, tmp_path: Path) -> None:
    """As MLflow shows artifacts: scripts only, no origin, no storage."""
    frame = tmp_path / "frame.html"
    frame.write_text('<iframe sandbox="allow-scripts" src="index.html" width=1200 height=900>')
    page.driver.get(frame.as_uri())
    page.driver.switch_to.frame(0)
    page.press("#play")
    page.wait("listening.position() > 0.2")
    page.press("button[data-version=finished]")
    assert {name for name, gain in page.gains().items() if gain > 1e-6} == {"finished"}
    assert page.level_db() > -30
    page.driver.switch_to.default_content()
    assert no_complaints(page.driver)
