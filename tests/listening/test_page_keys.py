"""The page with the keyboard alone."""

from typing import Any

import pytest

keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
pytestmark = pytest.mark.browser


def test_versions_and_play(page: Any) -> None:
    for key, version in {"1": "rough", "2": "mix", "3": "finished"}.items():
        page.key(key)
        assert page.ask("document.body.dataset.source") == version
    page.key(keys.SPACE)
    page.wait("position() > 0")
    page.press("button[data-version=rough]")
    page.key(keys.SPACE)  # plays and pauses, whatever was clicked before
    page.wait("document.body.dataset.playing === 'false'")
    assert page.ask("document.body.dataset.source") == "rough"


def test_arrows_seek_and_change_the_song(page: Any) -> None:
    page.key(keys.ARROW_RIGHT)
    assert page.ask("position()") == pytest.approx(1.0)
    page.key(keys.ARROW_RIGHT)
    assert page.ask("position()") == pytest.approx(1.99)  # not beyond the end
    page.key(keys.ARROW_LEFT)
    assert page.ask("position()") == pytest.approx(0.99)
    page.key("0")
    assert page.ask("position()") == 0
    for index in ("1", "0"):  # and round
        page.key(keys.ARROW_RIGHT, keys.SHIFT)
        assert page.ask("document.body.dataset.song") == index
    page.key(keys.ARROW_LEFT, keys.SHIFT)
    assert page.text("name") == "<b>Étude</b> №4"


def test_switches(page: Any) -> None:
    for key, control in {"l": "repeat", "M": "match"}.items():
        page.key(key)
        assert page.ask(f"document.getElementById('{control}').checked") is False
        page.key(key)
        assert page.ask(f"document.getElementById('{control}').checked") is True


def test_help(page: Any) -> None:
    page.key("?")
    assert page.ask("help.open") is True
    page.key("1")  # nothing behind it moves
    assert page.ask("document.body.dataset.source") == "mix"
    page.key("?")
    assert page.ask("help.open") is False
    page.press("#help-button")
    assert page.ask("help.open") is True
    page.key(keys.ESCAPE)
    assert page.ask("help.open") is False


def test_every_key_is_in_the_list(page: Any) -> None:
    """Every key of the script, and no other, is written in the list of keys."""
    signs = {"←": "arrowleft", "→": "arrowright", "space": " "}
    listed = {
        signs.get(text, text).lower()
        for text in page.ask("all('#help kbd').map(key => key.textContent)")
    }
    used = {word or " " for name in page.ask("Object.keys(KEYS)") for word in name.split(" ")}
    assert listed == used


@pytest.mark.parametrize("modifier", [keys.CONTROL, keys.ALT, keys.META])
def test_the_browser_keeps_its_own_keys(page: Any, modifier: str) -> None:
    page.do("window.left = []")
    page.do("window.addEventListener('keydown', event => left.push(event.defaultPrevented))")
    page.key("3", modifier)
    assert page.ask("document.body.dataset.source") == "mix"
    assert page.ask("left.includes(true)") is False


@pytest.mark.parametrize("key", [keys.TAB, keys.F5, keys.PAGE_DOWN, keys.END, keys.DOWN, "q", "/"])
def test_keys_that_are_not_ours_pass(page: Any, key: str) -> None:
    page.do("window.seen = []")
    page.do(
        "window.addEventListener('keydown', event => {"
        " seen.push(event.defaultPrevented); event.preventDefault() })"
    )
    page.key(key)
    assert page.ask("seen") == [False]


def test_a_held_key_moves_on_but_does_not_flicker(page: Any) -> None:
    def hold(key: str) -> bool:
        """Press again while down; whether the browser was kept from acting on it."""
        return page.ask(
            f"!document.body.dispatchEvent(new KeyboardEvent('keydown',"
            f" {{key: '{key}', repeat: true, bubbles: true, cancelable: true}}))"
        )

    assert hold("m")
    assert page.ask("state.matched") is True
    assert hold(" ")  # it would scroll
    assert page.ask("state.playing") is False
    assert hold("ArrowRight")
    assert page.ask("position()") == pytest.approx(1.0)


def test_tab_reaches_every_control_and_shows_it(page: Any) -> None:
    """In the order of the page, and each one with an outline."""
    reached = []
    for _ in range(40):
        page.key(keys.TAB)
        name, width = page.ask(
            "[document.activeElement.id || document.activeElement.dataset.version"
            " || document.activeElement.textContent,"
            " parseFloat(getComputedStyle(document.activeElement).outlineWidth)]"
        )
        if name in reached:
            break
        assert width >= 2, name
        reached.append(name)
    wanted = ["Night buship hop", "<b>Étude</b> №4hip hop", "play", "rough", "mix", "finished"]
    wanted += ["position", "repeat", "match", "help-button"]
    assert [name for name in reached if name in wanted] == wanted


def test_a_control_reached_by_keyboard_keeps_its_keys(page: Any) -> None:
    page.do("document.querySelector('button[data-version=finished]').focus()")
    page.key(keys.SPACE)
    assert page.ask("document.body.dataset.source") == "finished"
    assert page.ask("document.body.dataset.playing") == "false"
    page.do("document.getElementById('position').focus()")
    page.key(keys.ARROW_RIGHT)
    assert page.ask("position()") == pytest.approx(0.1)  # the slider's own step
    page.key("1")
    assert page.ask("document.body.dataset.source") == "rough"


def test_every_control_has_a_name_and_a_role(page: Any) -> None:
    controls = page.driver.find_elements("css selector", "button, input, img, nav, [role]")
    roles = {control.aria_role for control in controls}
    assert {"button", "slider", "checkbox", "meter", "navigation", "group", "status"} <= roles
    page.do("help.show(); setLoop({ from: 0.5, to: 1 })")
    page.do("element('ballot').hidden = element('vote').hidden = false")
    for control in controls:
        if control.get_attribute("role") != "status":  # its text is what it says
            assert control.accessible_name, control.get_attribute("outerHTML")
