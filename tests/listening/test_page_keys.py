"""Keyboard input and accessibility of the page."""

from typing import Any

import pytest

keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
pytestmark = pytest.mark.browser


def test_keys_select_versions_and_play(page: Any) -> None:
    for key, version in {"1": "rough", "2": "mix", "3": "finished"}.items():
        page.key(key)
        assert page.evaluate("document.body.dataset.source") == version
    page.key(keys.SPACE)
    page.wait("position() > 0")
    page.click("button[data-version=rough]")
    page.key(keys.SPACE)  # also after a click on a button
    page.wait("document.body.dataset.playing === 'false'")
    assert page.evaluate("document.body.dataset.source") == "rough"


def test_arrow_keys_seek_and_change_the_song(page: Any) -> None:
    page.key(keys.ARROW_RIGHT)
    assert page.evaluate("position()") == pytest.approx(1.0)
    page.key(keys.ARROW_RIGHT)
    assert page.evaluate("position()") == pytest.approx(1.99)  # clamped to the end
    page.key(keys.ARROW_LEFT)
    assert page.evaluate("position()") == pytest.approx(0.99)
    page.key("0")
    assert page.evaluate("position()") == 0
    for index in ("1", "0"):  # the first follows the last
        page.key(keys.ARROW_RIGHT, keys.SHIFT)
        assert page.evaluate("document.body.dataset.song") == index
    page.key(keys.ARROW_LEFT, keys.SHIFT)
    assert page.text("name") == "<b>Étude</b> №4"


def test_keys_toggle_the_checkboxes(page: Any) -> None:
    for key, control in {"l": "repeat", "M": "match"}.items():
        page.key(key)
        assert page.evaluate(f"document.getElementById('{control}').checked") is False
        page.key(key)
        assert page.evaluate(f"document.getElementById('{control}').checked") is True


def test_help_dialog(page: Any) -> None:
    page.key("?")
    assert page.evaluate("help.open") is True
    page.key("1")  # ignored while the dialog is open
    assert page.evaluate("document.body.dataset.source") == "mix"
    page.key("?")
    assert page.evaluate("help.open") is False
    page.click("#help-button")
    assert page.evaluate("help.open") is True
    page.key(keys.ESCAPE)
    assert page.evaluate("help.open") is False


def test_every_shortcut_is_in_the_help(page: Any) -> None:
    signs = {"←": "arrowleft", "→": "arrowright", "space": " "}
    listed = {
        signs.get(text, text).lower()
        for text in page.evaluate("queryAll('#help kbd').map(key => key.textContent)")
    }
    used = {
        word or " " for name in page.evaluate("Object.keys(SHORTCUTS)") for word in name.split(" ")
    }
    assert listed == used


@pytest.mark.parametrize("modifier", [keys.CONTROL, keys.ALT, keys.META])
def test_browser_shortcuts_are_not_intercepted(page: Any, modifier: str) -> None:
    page.execute("window.prevented = []")
    page.execute(
        "window.addEventListener('keydown', event => prevented.push(event.defaultPrevented))"
    )
    page.key("3", modifier)
    assert page.evaluate("document.body.dataset.source") == "mix"
    assert page.evaluate("prevented.includes(true)") is False


@pytest.mark.parametrize("key", [keys.TAB, keys.F5, keys.PAGE_DOWN, keys.END, keys.DOWN, "q", "/"])
def test_other_keys_are_not_intercepted(page: Any, key: str) -> None:
    page.execute("window.prevented = []")
    page.execute(
        "window.addEventListener('keydown', event => {"
        " prevented.push(event.defaultPrevented); event.preventDefault() })"
    )
    page.key(key)
    assert page.evaluate("prevented") == [False]


def test_a_held_key_repeats_seeking_only(page: Any) -> None:
    def hold(key: str) -> bool:
        """Send a repeated keydown event; returns whether the page prevented its default."""
        return page.evaluate(
            f"!document.body.dispatchEvent(new KeyboardEvent('keydown',"
            f" {{key: '{key}', repeat: true, bubbles: true, cancelable: true}}))"
        )

    assert hold("m")
    assert page.evaluate("state.loudnessMatched") is True
    assert hold(" ")  # the default is to scroll
    assert page.evaluate("state.playing") is False
    assert hold("ArrowRight")
    assert page.evaluate("position()") == pytest.approx(1.0)


def test_tab_focuses_every_control_with_an_outline(page: Any) -> None:
    """In the order of the page."""
    reached = []
    for _ in range(40):
        page.key(keys.TAB)
        name, width = page.evaluate(
            "[document.activeElement.id || document.activeElement.dataset.version"
            " || document.activeElement.textContent,"
            " parseFloat(getComputedStyle(document.activeElement).outlineWidth)]"
        )
        if name in reached:
            break
        assert width >= 2, name
        reached.append(name)
    expected = ["Night buship hop", "<b>Étude</b> №4hip hop", "play", "rough", "mix", "finished"]
    expected += ["position", "repeat", "match", "help-button"]
    assert [name for name in reached if name in expected] == expected


def test_a_focused_control_handles_its_own_keys(page: Any) -> None:
    page.execute("document.querySelector('button[data-version=finished]').focus()")
    page.key(keys.SPACE)
    assert page.evaluate("document.body.dataset.source") == "finished"
    assert page.evaluate("document.body.dataset.playing") == "false"
    page.execute("document.getElementById('position').focus()")
    page.key(keys.ARROW_RIGHT)
    assert page.evaluate("position()") == pytest.approx(0.1)  # one step of the slider
    page.key("1")
    assert page.evaluate("document.body.dataset.source") == "rough"


def test_every_control_has_a_name_and_a_role(page: Any) -> None:
    controls = page.driver.find_elements("css selector", "button, input, img, nav, [role]")
    roles = {control.aria_role for control in controls}
    assert {"button", "slider", "checkbox", "meter", "navigation", "group", "status"} <= roles
    page.execute("help.show(); setLoop({ from: 0.5, to: 1 })")
    page.execute("byId('ballot').hidden = byId('vote').hidden = false")
    for control in controls:
        if control.get_attribute("role") != "status":  # has text instead of a name
            assert control.accessible_name, control.get_attribute("outerHTML")
