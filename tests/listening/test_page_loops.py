"""Loops: seamless, displayed, set by dragging and by keys, independent of other actions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ai_mixer.listening.samples import SongSamples

pytestmark = pytest.mark.browser

RATE = 22050
FROM, TO = 4410 / RATE, 9261 / RATE


def loop_of(page: Any) -> tuple[float, float] | None:
    ends = page.evaluate("state.loop")
    return ends and (ends["from"], ends["to"])


def test_a_loop_is_seamless(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, RATE))
    page = open_page(make("x", rough=noise, mix=noise, finished=noise))
    start, end = round(FROM * RATE), round(TO * RATE)
    whole = page.render("mix", 0, (0, 1), False, 1.0)
    rendered = page.render("mix", FROM, (FROM, TO), True, 1.0)
    expected = np.tile(whole[:, start:end], 5)[:, :RATE]
    assert np.abs(expected).max() > 0.5
    assert np.abs(rendered - expected).max() < 1e-6
    before = page.render("mix", 0.1, (FROM, TO), True, 1.0)  # enters the loop from outside
    lead = whole[:, round(0.1 * RATE) : start]
    assert np.abs(before - np.hstack([lead, expected])[:, :RATE]).max() < 1e-6


def test_without_repeat_playback_ends_with_the_last_sample(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    ones = np.full((2, RATE), 0.5)
    page = open_page(make("x", rough=ones, mix=ones, finished=ones))
    page.click("#match")
    rendered = page.render("mix", FROM, (FROM, TO), False, 1.0)
    assert (rendered > 0.4).sum(axis=1).tolist() == [round((TO - FROM) * RATE)] * 2


def test_a_drag_sets_the_loop_and_a_click_outside_clears_it(page: Any) -> None:
    page.drag(1.5, 0.5)  # in any direction
    assert loop_of(page) == pytest.approx((0.5, 1.5), abs=0.01)
    assert page.evaluate("position()") == pytest.approx(0.5, abs=0.01)
    left, width = page.evaluate(
        "[byId('loop').style.left, byId('loop').style.width].map(parseFloat)"
    )
    assert (left, width) == pytest.approx((25, 50), abs=1)
    assert page.text("loop-text") == "Loop 0:00.5 – 0:01.5"
    page.drag(1.5, 1.8)  # moves an end
    assert loop_of(page) == pytest.approx((0.5, 1.8), abs=0.01)
    page.drag(1.0, 1.0)  # a click inside
    assert loop_of(page) == pytest.approx((0.5, 1.8), abs=0.01)
    assert page.evaluate("position()") == pytest.approx(1.0, abs=0.01)
    page.drag(0.2, 0.2)  # a click outside
    assert loop_of(page) is None
    assert page.evaluate("position()") == pytest.approx(0.2, abs=0.01)
    assert page.evaluate("byId('loop').hidden && byId('clear').hidden") is True


@pytest.mark.parametrize(("start", "end"), ["[]", "ab"])
def test_keys_set_and_clear_the_loop(page: Any, start: str, end: str) -> None:
    page.execute("seek(0.5)")
    page.key(start)
    assert loop_of(page) == pytest.approx((0.5, 2.0), abs=1e-3)
    page.execute("seek(1.2)")
    page.key(end)
    assert loop_of(page) == pytest.approx((0.5, 1.2), abs=1e-3)
    assert page.evaluate("position()") == pytest.approx(0.5, abs=1e-3)
    page.key("c")
    assert loop_of(page) is None
    page.execute("seek(1.2)")
    page.key(end)
    assert loop_of(page) == pytest.approx((0.0, 1.2), abs=1e-3)
    page.click("#clear")
    assert loop_of(page) is None


def test_arrow_keys_stay_in_the_loop(page: Any) -> None:
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    page.execute("setLoop({ from: 0.5, to: 0.9 })")
    page.key(keys.ARROW_RIGHT)
    assert page.evaluate("position()") == pytest.approx(0.89, abs=1e-3)
    page.key(keys.ARROW_LEFT)
    assert page.evaluate("position()") == pytest.approx(0.5, abs=1e-3)
    assert loop_of(page) is not None


def test_the_loop_continues_when_the_version_changes(page: Any) -> None:
    page.play()
    page.execute("setLoop({ from: 0.5, to: 0.8 })")
    page.execute("window.before = playback")
    for version in ("rough", "finished", "mix"):
        page.click(f"button[data-version={version}]")
        page.wait_for_only(version)
    assert page.evaluate("playback === before") is True  # not restarted
    assert loop_of(page) == pytest.approx((0.5, 0.8), abs=1e-3)
    page.execute("window.started = context.currentTime; window.positions = []")
    page.wait("positions.push(position()) && context.currentTime > started + 1")
    positions = np.array(page.evaluate("positions"))
    assert positions.min() >= 0.5 - 0.05  # output latency
    assert positions.max() < 0.8
    assert (np.diff(positions) < 0).sum() >= 2
    page.key("l")
    page.wait("state.playing === false")
    assert page.evaluate("position()") == pytest.approx(0.5, abs=1e-3)


def test_setting_a_loop_does_not_change_the_position(page: Any) -> None:
    page.play()
    page.execute("window.old = playback; setLoop({ from: 0.05, to: 1.95 })")
    gap = page.evaluate(
        "positionOf(old, playback.when + 0.01) - positionOf(playback, playback.when + 0.01)"
    )
    assert abs(gap) * RATE < 0.51


def test_start_and_loop_are_rounded_to_samples(page: Any) -> None:
    page.play()
    page.execute("setLoop({ from: 0.0500123, to: 1.9501234 }); seek(0.1234567)")
    for time in ("playback.at", "playback.when", "playback.range.from", "playback.range.to"):
        samples = page.evaluate(f"{time} * {RATE}")
        assert samples == pytest.approx(round(samples), abs=1e-3)
    assert page.evaluate("playback.at") == pytest.approx(0.1234567, abs=1 / RATE)


def test_opening_another_song_clears_the_loop(page: Any) -> None:
    page.execute("setLoop({ from: 0.5, to: 0.8 }); openSong(1)")
    assert loop_of(page) is None


def test_a_too_short_loop_is_ignored(page: Any) -> None:
    page.execute("setLoop({ from: 0.5, to: 0.51 })")
    assert loop_of(page) is None
