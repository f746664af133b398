"""Loops: seamless, shown, set by hand and by keys, and not disturbed by anything else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ai_mixer.listening.samples import SongSamples

pytestmark = pytest.mark.browser

RATE = 22050
FROM, TO = 4410 / RATE, 9261 / RATE


def loop_of(page: Any) -> tuple[float, float] | None:
    ends = page.ask("state.loop")
    return ends and (ends["from"], ends["to"])


def test_no_sample_is_lost_or_doubled_at_the_seam(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, RATE))
    page = open_page(make("x", rough=noise, mix=noise, finished=noise))
    start, end = round(FROM * RATE), round(TO * RATE)
    whole = page.render("mix", 0, (0, 1), False, 1.0)
    heard = page.render("mix", FROM, (FROM, TO), True, 1.0)
    wanted = np.tile(whole[:, start:end], 5)[:, :RATE]
    assert np.abs(wanted).max() > 0.5
    assert np.abs(heard - wanted).max() < 1e-6
    before = page.render("mix", 0.1, (FROM, TO), True, 1.0)  # enters the loop from outside
    lead = whole[:, round(0.1 * RATE) : start]
    assert np.abs(before - np.hstack([lead, wanted])[:, :RATE]).max() < 1e-6


def test_without_repeat_it_ends_with_the_last_sample(
    open_page: Callable[..., Any], make: Callable[..., SongSamples]
) -> None:
    ones = np.full((2, RATE), 0.5)
    page = open_page(make("x", rough=ones, mix=ones, finished=ones))
    page.press("#match")
    heard = page.render("mix", FROM, (FROM, TO), False, 1.0)
    assert (heard > 0.4).sum(axis=1).tolist() == [round((TO - FROM) * RATE)] * 2


def test_a_drag_sets_it_a_click_outside_ends_it(page: Any) -> None:
    page.drag(1.5, 0.5)  # backwards is as good
    assert loop_of(page) == pytest.approx((0.5, 1.5), abs=0.01)
    assert page.ask("position()") == pytest.approx(0.5, abs=0.01)
    left, width = page.ask(
        "[element('loop').style.left, element('loop').style.width].map(parseFloat)"
    )
    assert (left, width) == pytest.approx((25, 50), abs=1)
    assert page.text("loop-text") == "Loop 0:00.5 – 0:01.5"
    page.drag(1.5, 1.8)  # an end of it
    assert loop_of(page) == pytest.approx((0.5, 1.8), abs=0.01)
    page.drag(1.0, 1.0)  # a click inside
    assert loop_of(page) == pytest.approx((0.5, 1.8), abs=0.01)
    assert page.ask("position()") == pytest.approx(1.0, abs=0.01)
    page.drag(0.2, 0.2)  # a click outside
    assert loop_of(page) is None
    assert page.ask("position()") == pytest.approx(0.2, abs=0.01)
    assert page.ask("element('loop').hidden && element('clear').hidden") is True


@pytest.mark.parametrize(("start", "end"), ["[]", "ab"])
def test_keys_set_and_clear_it(page: Any, start: str, end: str) -> None:
    page.do("seek(0.5)")
    page.key(start)
    assert loop_of(page) == pytest.approx((0.5, 2.0), abs=1e-3)
    page.do("seek(1.2)")
    page.key(end)
    assert loop_of(page) == pytest.approx((0.5, 1.2), abs=1e-3)
    assert page.ask("position()") == pytest.approx(0.5, abs=1e-3)
    page.key("c")
    assert loop_of(page) is None
    page.do("seek(1.2)")
    page.key(end)
    assert loop_of(page) == pytest.approx((0.0, 1.2), abs=1e-3)
    page.press("#clear")
    assert loop_of(page) is None


def test_arrows_stay_inside(page: Any) -> None:
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    page.do("setLoop({ from: 0.5, to: 0.9 })")
    page.key(keys.ARROW_RIGHT)
    assert page.ask("position()") == pytest.approx(0.89, abs=1e-3)
    page.key(keys.ARROW_LEFT)
    assert page.ask("position()") == pytest.approx(0.5, abs=1e-3)
    assert loop_of(page) is not None


def test_it_turns_and_survives_a_change_of_version(page: Any) -> None:
    page.play()
    page.do("setLoop({ from: 0.5, to: 0.8 })")
    page.do("window.before = voice")
    for version in ("rough", "finished", "mix"):
        page.press(f"button[data-version={version}]")
        page.wait_for_only(version)
    assert page.ask("voice === before") is True  # not even started anew
    assert loop_of(page) == pytest.approx((0.5, 0.8), abs=1e-3)
    page.do("window.started = context.currentTime; window.places = []")
    page.wait("places.push(position()) && context.currentTime > started + 1")
    places = np.array(page.ask("places"))
    assert places.min() >= 0.5 - 0.05  # what is heard lags behind at the start
    assert places.max() < 0.8
    assert (np.diff(places) < 0).sum() >= 2
    page.key("l")
    page.wait("state.playing === false")
    assert page.ask("position()") == pytest.approx(0.5, abs=1e-3)


def test_setting_it_does_not_move_the_music(page: Any) -> None:
    page.play()
    page.do("window.old = voice; setLoop({ from: 0.05, to: 1.95 })")
    gap = page.ask("positionOf(old, voice.when + 0.01) - positionOf(voice, voice.when + 0.01)")
    assert abs(gap) * RATE < 0.51


def test_whatever_is_asked_for_it_starts_and_turns_on_samples(page: Any) -> None:
    page.play()
    page.do("setLoop({ from: 0.0500123, to: 1.9501234 }); seek(0.1234567)")
    for time in ("voice.at", "voice.when", "voice.range.from", "voice.range.to"):
        samples = page.ask(f"{time} * {RATE}")
        assert samples == pytest.approx(round(samples), abs=1e-3)
    assert page.ask("voice.at") == pytest.approx(0.1234567, abs=1 / RATE)


def test_another_song_has_none(page: Any) -> None:
    page.do("setLoop({ from: 0.5, to: 0.8 }); openSong(1)")
    assert loop_of(page) is None


def test_a_slip_of_the_hand_is_no_loop(page: Any) -> None:
    page.do("setLoop({ from: 0.5, to: 0.51 })")
    assert loop_of(page) is None
